/**
 * The compiled modules use the instructions that they are written for. A compiler that stopped inlining, or a kernel that
 * fell back to scalar code, would still be right and many times slower; counting instructions shows it without a clock.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import binaryen from 'binaryen';

const folder = new URL('../../../dist/kernels/wasm/', import.meta.url);

/** The text of a compiled module. */
function textOf(name: string): string {
  const module = binaryen.readBinary(readFileSync(new URL(`${name}.wasm`, folder)));
  try {
    return module.emitText();
  } finally {
    module.dispose();
  }
}

/** The text of an exported function and of all that it calls. */
function bodiesOf(text: string, exported: string): string {
  const functions = new Map<string, string>();
  for (const body of text.split(/\n (?=\(func )/).slice(1))
    functions.set(/^\(func (\S+)/.exec(body)![1]!, body);
  const entry = new RegExp(`\\(export "${exported}" \\(func (\\S+?)\\)\\)`).exec(text)?.[1];
  assert.ok(entry, `${exported} is exported`);
  const seen = new Set<string>();
  const pending = [entry];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const [, callee] of functions.get(name)!.matchAll(/\(call (\S+)/g)) pending.push(callee!);
  }
  return [...seen].map((name) => functions.get(name)).join('\n');
}

function count(text: string, instruction: RegExp): number {
  return text.match(instruction)?.length ?? 0;
}

for (const memory of ['shared', 'local']) {
  test(`relaxed-${memory}: the ternary product is made of relaxed dot products`, () => {
    const body = bodiesOf(textOf(`relaxed-${memory}`), 'ternaryMatmul');
    assert.ok(count(body, /relaxed_dot_i8x16_i7x16/g) >= 16);
  });

  test(`relaxed-${memory}: the products of training are made of fused multiply-adds`, () => {
    const text = textOf(`relaxed-${memory}`);
    assert.ok(count(bodiesOf(text, 'gemm'), /f32x4\.relaxed_madd/g) >= 8);
    assert.ok(count(bodiesOf(text, 'multiplyAddPeak'), /f32x4\.relaxed_madd/g) >= 16);
  });

  test(`simd-${memory}: the ternary product is made of 16-bit dot products and nothing relaxed`, () => {
    const text = textOf(`simd-${memory}`);
    assert.ok(count(bodiesOf(text, 'ternaryMatmul'), /i32x4\.dot_i16x8_s/g) >= 16);
    assert.ok(count(bodiesOf(text, 'gemm'), /f32x4\.mul/g) >= 8);
    assert.equal(count(text, /relaxed/g), 0);
  });

  test(`both builds for ${memory} memory: rows, head and attention work on vectors`, () => {
    for (const build of ['relaxed', 'simd']) {
      const text = textOf(`${build}-${memory}`);
      for (const [name, instruction, least] of [
        ['rmsNorm', /f32x4\.mul/g, 4],
        ['denseMatmul', /f32x4\.mul/g, 8],
        ['int8Matmul', /i32x4\.dot_i16x8_s/g, 4],
        ['attention', /f32x4\.mul/g, 12],
        ['attentionBlocks', /f32x4\.mul/g, 12],
        ['attentionFold', /f32x4\.mul/g, 3],
        ['gate', /f32x4\.mul/g, 4],
        ['rope', /f64x2\.mul/g, 4],
        ['quantize', /f32x4\.nearest/g, 2],
        ['quantizeWeights', /f32x4\.nearest/g, 4],
        ['rmsNormBackward', /f32x4\.mul/g, 12],
        ['rmsNormWeightGradient', /f32x4\.mul/g, 8],
        ['gateBackward', /f32x4\.mul/g, 12],
        ['causalSoftmax', /f32x4\.mul/g, 8],
        ['crossEntropy', /f32x4\.mul/g, 8],
        ['sumSquares', /f32x4\.mul/g, 4],
        ['adamw', /f32x4\.sqrt/g, 1],
      ] as const) {
        const found = count(bodiesOf(text, name), instruction);
        assert.ok(found >= least, `${build}-${memory}, ${name}: ${found} of ${instruction.source}`);
      }
    }
  });
}
