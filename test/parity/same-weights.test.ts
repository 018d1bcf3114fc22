/**
 * One set of weights in five files gives one text: I2_S, TQ1_0, TQ2_0, Hugging Face's packed bytes and BF16 masters of the
 * bundled model generate the same tokens.
 *
 * The codes are the same in all of them (golden-codes.test.ts); the one scale of a matrix may not be. I2_S keeps it as
 * float32. A packed folder has the bfloat16 number that it was trained with, and BF16 masters give that number again, since
 * the mean of |w| is rounded to their type. TQ1_0 and TQ2_0 have only a half for it: rounding to one changes a scale above
 * 2^-14 by up to 2^-11, 0.05 %, and numbers of at most 11 significant bits, such as every bfloat16, not at all.
 *
 * A scale multiplies all results of its matrix, and most of that is divided out again by the next norm; what is left
 * moves logits by some hundredths, and now and then an activation across a rounding step. So the bundled model, whose
 * scales are bfloat16 numbers, gives the same bits from all of its files. Where scales are rounded, tokens are the same
 * until two of them are nearly as likely as each other; how near is measured here.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadModel, type Model } from '#src/engine/model.js';
import type { ModelSource } from '#src/engine/source.js';
import type { RunningBackend } from '#src/kernels/backend-name.js';
import { rewriteGguf, tensorOf, tinyTalesBytes } from '#src/model/loading/rewritten-model.test.js';
import { isTernary, type TernaryDType } from '#src/tensor/dtype.js';
import { packTernary, ternaryScale, unpackTernary } from '#src/tensor/ternary-tensor.js';
import { usableBackends } from '../fixtures/usable-backends.ts';

const PROMPTS = [
  'Once upon a time there was',
  'The king said to his daughter',
  'In the forest',
  '"Why," said the fox',
  'The old woman',
];
const TOKENS = 40;

const { main, others } = await usableBackends();

/** The bundled model with its ternary tensors in another type, their scales times `factor`. */
function repacked(type: TernaryDType, factor = 1): Promise<Uint8Array<ArrayBuffer>> {
  return rewriteGguf(tinyTalesBytes(), {
    tensor: (tensor, bytes) => {
      const { name, dtype, shape } = tensor;
      if (!isTernary(dtype)) return tensor;
      const codes = new Uint8Array(shape[0]! * shape[1]!);
      unpackTernary(dtype, bytes, codes.length, codes, name);
      const scale = Math.fround(ternaryScale(dtype, bytes, codes.length, name) * factor);
      return tensorOf(name, type, shape, packTernary(type, codes, scale, name));
    },
  });
}

function folder(name: string): string {
  return fileURLToPath(new URL(`../../../test/golden/tiny-tales/${name}`, import.meta.url));
}

interface Continuation {
  readonly tokens: number[];
  /** By how much each token's logit exceeds the next best. */
  readonly margins: number[];
}

async function continuations(
  source: ModelSource,
  backend: RunningBackend = main[0]!,
): Promise<{ texts: Continuation[]; model: Model }> {
  const model = await loadModel(source, { backend });
  const texts: Continuation[] = [];
  for (const prompt of PROMPTS) {
    const text: Continuation = { tokens: [], margins: [] };
    const options = { temperature: 0, maxTokens: TOKENS, logprobs: 2 };
    for await (const { tokens, logprobs } of model.generate(prompt, options)) {
      text.tokens.push(...tokens);
      for (const { top } of logprobs ?? []) text.margins.push(top[0]!.logprob - top[1]!.logprob);
    }
    texts.push(text);
  }
  return { texts, model };
}

/** The largest difference of logits along the first model's texts. */
async function largestDifference(one: Model, other: Model, texts: readonly Continuation[]): Promise<number> {
  let most = 0;
  for (const [i, prompt] of PROMPTS.entries()) {
    const tokens = [...one.tokenize(prompt, { addBos: true }), ...texts[i]!.tokens];
    for (let length = 3; length < tokens.length; length += 4) {
      const [a, b] = [await one.logits(tokens.slice(0, length)), await other.logits(tokens.slice(0, length))];
      most = a.reduce((largest, logit, id) => Math.max(largest, Math.abs(logit - b[id]!)), most);
    }
  }
  return most;
}

/** Same tokens, or the first other one where the best two are less than `margin` apart. Answers how many are the same. */
function assertSameUntilTie(
  found: readonly Continuation[],
  expected: readonly Continuation[],
  margin: number,
): number {
  let same = 0;
  for (const [i, { tokens, margins }] of expected.entries()) {
    const first = tokens.findIndex((id, k) => found[i]!.tokens[k] !== id);
    same += first < 0 ? tokens.length : first;
    assert.ok(
      first < 0 || margins[first]! < margin,
      `"${PROMPTS[i]}", token ${first}: margin ${margins[first]}`,
    );
  }
  return same;
}

describe('the bundled model in other files', () => {
  for (const type of ['TQ1_0', 'TQ2_0'] as const) {
    test(`${type} gives the tokens and the logits of I2_S, bit for bit`, async () => {
      const i2s = await continuations(tinyTalesBytes());
      for (const backend of [...main, ...others]) {
        const other = await continuations(await repacked(type), backend);
        assert.deepEqual(other.texts, i2s.texts, backend);
        if (backend === main[0]) {
          assert.equal(await largestDifference(i2s.model, other.model, i2s.texts), 0);
        }
        await other.model.dispose();
      }
      await i2s.model.dispose();
    });
  }

  test('packed and masters give the same logits, bit for bit, and the tokens of I2_S', async () => {
    const i2s = await continuations(tinyTalesBytes());
    const packed = await continuations(folder('hf-packed'));
    const masters = await continuations(folder('hf-bf16'));
    assert.deepEqual(masters.texts, packed.texts);
    assert.equal(await largestDifference(packed.model, masters.model, packed.texts), 0);
    assert.deepEqual(packed.texts, i2s.texts);
    // The GGUF's embedding is f16, in which the smallest of the bf16 values have fewer digits.
    const difference = await largestDifference(i2s.model, packed.model, i2s.texts);
    assert.ok(difference < 1e-5, `logits differ by ${difference}`);
    await Promise.all([i2s, packed, masters].map(({ model }) => model.dispose()));
  });
});

test('a scale that is no half: TQ files round it, which moves logits a little and no clear choice', async () => {
  const factor = 1.0037;
  const i2s = await continuations(await repacked('I2_S', factor));
  const tq2 = await continuations(await repacked('TQ2_0', factor));
  const tq1 = await continuations(await repacked('TQ1_0', factor));
  assert.deepEqual(tq1.texts, tq2.texts, 'both types round alike');
  const difference = await largestDifference(i2s.model, tq2.model, i2s.texts);
  assert.ok(difference > 0 && difference < 0.25, `logits differ by ${difference}`);
  const same = assertSameUntilTie(tq2.texts, i2s.texts, 0.1);
  assert.ok(same >= 0.7 * PROMPTS.length * TOKENS, `only ${same} tokens are the same`);
  await Promise.all([i2s, tq1, tq2].map(({ model }) => model.dispose()));
});
