/** The perplexity of a text under the bundled model, against an independent implementation. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadModel } from 'bitnet.ts';
import { measurePerplexity, type PerplexityResult } from '#src/eval/perplexity.js';

const root = new URL('../../../', import.meta.url);
const golden = new URL('test/golden/tiny-tales/', root);

interface Reference {
  readonly text_perplexity: {
    readonly file: string;
    readonly tokens: number;
    readonly nll_per_token: number;
    readonly perplexity: number;
  };
}

test('the perplexity of a text is that of the reference within 0.1 %', async () => {
  const reference = JSON.parse(readFileSync(new URL('reference.json', golden), 'utf8')) as Reference;
  const expected = reference.text_perplexity;
  const text = readFileSync(new URL(expected.file, golden), 'utf8');
  const model = await loadModel(fileURLToPath(new URL('models/tiny-tales/tiny-tales.i2_s.gguf', root)));
  const progress = measurePerplexity(model, text, { window: 127 });
  let result: PerplexityResult | undefined;
  while (result === undefined) {
    const { value, done } = await progress.next();
    if (done === true) result = value;
  }
  await model.dispose();
  assert.equal(result.tokens, expected.tokens);
  assert.equal(result.bytes, new TextEncoder().encode(text).length);
  const error = Math.abs(result.perplexity / expected.perplexity - 1);
  assert.ok(error < 0.001, `${result.perplexity} instead of ${expected.perplexity}`);
  assert.ok(Math.abs(result.nllPerToken - expected.nll_per_token) < 0.001);
});
