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

const reference = JSON.parse(readFileSync(new URL('reference.json', golden), 'utf8')) as Reference;
const expected = reference.text_perplexity;
const text = readFileSync(new URL(expected.file, golden), 'utf8');

async function measure(kvCache: 'f16' | 'q8'): Promise<PerplexityResult> {
  const path = fileURLToPath(new URL('test/golden/tiny-tales/tiny-tales.i2_s.gguf', root));
  const model = await loadModel(path, { kvCache });
  const progress = measurePerplexity(model, text, { window: 127 });
  try {
    for (;;) {
      const { value, done } = await progress.next();
      if (done === true) return value;
    }
  } finally {
    await model.dispose();
  }
}

test('the perplexity of a text is that of the reference within 0.1 %', async () => {
  const result = await measure('f16');
  assert.equal(result.tokens, expected.tokens);
  assert.equal(result.bytes, new TextEncoder().encode(text).length);
  const error = Math.abs(result.perplexity / expected.perplexity - 1);
  assert.ok(error < 0.001, `${result.perplexity} instead of ${expected.perplexity}`);
  assert.ok(Math.abs(result.nllPerToken - expected.nll_per_token) < 0.001);
});

test('an 8-bit KV cache moves it by no more than 0.05 %, and does move it', async () => {
  const [q8, f16] = [await measure('q8'), await measure('f16')];
  const change = Math.abs(q8.perplexity / f16.perplexity - 1);
  assert.ok(change > 0 && change < 0.0005, `${q8.perplexity} and ${f16.perplexity}`);
});
