/**
 * The bundled model, from three files and on every backend that runs here, against an independent float64 implementation: tokens, logits, greedy text and
 * perplexity (test/golden/tiny-tales/README.md says what each number is).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { argmax } from '#src/engine/generation/sampler.js';
import { loadModel, type Model } from '#src/engine/model.js';
import { usableBackends } from '../fixtures/usable-backends.ts';

const root = new URL('../../../', import.meta.url);
const golden = new URL('test/golden/tiny-tales/', root);

interface Reference {
  readonly greedy: readonly {
    readonly prompt: string;
    readonly prompt_ids: readonly number[];
    readonly continuation_ids: readonly number[];
    readonly margins: readonly number[];
  }[];
  readonly text_perplexity: { readonly tokens: number; readonly perplexity: number };
  readonly logits: { readonly ids: readonly number[]; readonly shape: readonly [number, number] };
  readonly tokenize: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

const reference = JSON.parse(readFileSync(new URL('reference.json', golden), 'utf8')) as Reference;
const text = readFileSync(new URL('text.txt', golden), 'utf8');
const BOS = 2047;
/** Tokens of the text that are scored together behind BOS. */
const PIECE = 127;
/** Where the best two logits are closer than this, two correct programs may choose differently. */
const SAFE_MARGIN = 0.02;

const I2_S = 'test/golden/tiny-tales/tiny-tales.i2_s.gguf';
const { main, others } = await usableBackends();
/** Files of the model: its codes and scales are the same in all of them. */
const CASES = [
  ...[...main, ...others].map((backend) => ({ name: 'I2_S', path: I2_S, backend })),
  { name: 'packed', path: 'test/golden/tiny-tales/hf-packed', backend: main[0]! },
  { name: 'masters', path: 'test/golden/tiny-tales/hf-bf16', backend: main[0]! },
];

for (const { name, path, backend } of CASES) {
  describe(`tiny-tales, ${name}, ${backend}`, () => {
    let model: Model;
    before(async () => {
      model = await loadModel(fileURLToPath(new URL(path, root)), { backend });
    });
    after(() => model.dispose());

    test('texts become the reference tokens', () => {
      for (const { text, ids } of reference.tokenize) assert.deepEqual(model.tokenize(text), ids);
      for (const { prompt, prompt_ids } of reference.greedy) {
        assert.deepEqual(model.tokenize(prompt, { addBos: true }), prompt_ids);
      }
    });

    test('logits, but for steps of rounding (test/golden/infer/README.md)', async () => {
      const { ids, shape } = reference.logits;
      const bytes = readFileSync(new URL('logits.f32', golden));
      const expected = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      );
      assert.equal(expected.length, shape[0] * shape[1]);
      let close = 0;
      for (let position = 0; position < ids.length; position++) {
        const row = expected.subarray(position * shape[1], (position + 1) * shape[1]);
        const found = await model.logits(ids.slice(0, position + 1));
        const difference = found.reduce((most, value, i) => Math.max(most, Math.abs(value - row[i]!)), 0);
        assert.ok(difference <= 1, `position ${position}: ${difference}`);
        if (difference <= 1e-3) close++;
      }
      assert.ok(close >= 0.8 * ids.length, `only ${close} of ${ids.length} positions within 1e-3`);
    });

    test('greedy text, up to the first choice that is nearly a tie', async () => {
      let compared = 0;
      for (const { prompt_ids, continuation_ids, margins } of reference.greedy) {
        const firstTie = margins.findIndex((margin) => margin < SAFE_MARGIN);
        const certain = continuation_ids.slice(0, firstTie < 0 ? undefined : firstTie);
        compared += certain.length;
        const found: number[] = [];
        for await (const { tokens } of model.generate(prompt_ids, {
          temperature: 0,
          maxTokens: certain.length,
        })) {
          found.push(...tokens);
        }
        assert.deepEqual(found, certain);
      }
      assert.ok(compared >= 60, `only ${compared} tokens were compared`);
    });

    test('the most likely token after every beginning of the reference texts', async () => {
      for (const { prompt_ids, continuation_ids, margins } of reference.greedy) {
        for (const [i, id] of continuation_ids.entries()) {
          if (margins[i]! < SAFE_MARGIN) continue;
          const logits = await model.logits([...prompt_ids, ...continuation_ids.slice(0, i)]);
          assert.equal(argmax(logits), id, `token ${i}`);
        }
      }
    });

    test('perplexity within 0.1 %', async () => {
      const tokens = model.tokenize(text);
      assert.equal(tokens.length, reference.text_perplexity.tokens);
      let sum = 0;
      for (let start = 0; start < tokens.length; start += PIECE) {
        const scores = await model.score([BOS, ...tokens.slice(start, start + PIECE)]);
        sum -= scores.reduce((total, logprob) => total + logprob, 0);
      }
      const found = Math.exp(sum / tokens.length);
      const { perplexity } = reference.text_perplexity;
      const error = Math.abs(found / perplexity - 1);
      assert.ok(error < 1e-3, `${found} instead of ${perplexity}, off by ${(100 * error).toFixed(3)} %`);
    });
  });
}
