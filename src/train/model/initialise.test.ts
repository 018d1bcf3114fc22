import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARCHITECTURES } from '../../model/architecture.ts';
import type { ModelConfig } from '../../model/config.ts';
import { initialiseParameter } from './initialise.ts';
import { layOutParameters } from './parameters.ts';

const CONFIG: ModelConfig = {
  architecture: 'llama',
  vocabularySize: 300,
  contextLength: 16,
  embeddingLength: 64,
  blockCount: 8,
  feedForwardLength: 128,
  headCount: 4,
  headCountKv: 2,
  headLength: 16,
  ropeFreqBase: 10000,
  layerNormRmsEpsilon: 1e-5,
  activation: 0,
  ropeStyle: 0,
};

/** Weights by name. */
function weightsOf(config: ModelConfig, tiedHead: boolean, seed: number): Map<string, Float32Array> {
  const { list } = layOutParameters(config, ARCHITECTURES.get('llama')!, tiedHead);
  return new Map(
    list.map((parameter) => {
      const out = new Float32Array(parameter.elements);
      initialiseParameter(out, parameter, config, seed);
      return [parameter.name, out];
    }),
  );
}

function deviationOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

test('matrices are normal with their deviation and no two alike, norms are 1', () => {
  const weights = weightsOf(CONFIG, false, 5);
  for (const [name, values] of weights) {
    if (name.includes('norm')) assert.ok(values.every((value) => value === 1));
    else {
      const expected = /o_proj|down_proj/.test(name) ? 0.02 / 4 : 0.02;
      const deviation = deviationOf(values);
      assert.ok(Math.abs(deviation - expected) < 0.1 * expected, `${name}: ${deviation}`);
      const outside = values.filter((value) => Math.abs(value) > 2 * expected).length / values.length;
      assert.ok(outside > 0.02 && outside < 0.08, `${name}: ${outside} beyond two deviations`);
    }
  }
  const firsts = [...weights].filter(([name]) => !name.includes('norm')).map(([, values]) => values[0]);
  assert.equal(new Set(firsts).size, firsts.length);
});

test('a tensor has the same weights whatever others there are, and others with another seed', () => {
  const weights = weightsOf(CONFIG, false, 5);
  for (const [name, values] of weightsOf(CONFIG, true, 5)) assert.deepEqual(values, weights.get(name));
  const name = 'model.layers.3.mlp.gate_proj.weight';
  assert.notDeepEqual(weightsOf(CONFIG, false, 6).get(name), weights.get(name));
});
