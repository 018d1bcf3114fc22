import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenizerFromGguf } from '../../tokenizer/from-gguf.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import {
  ggufMetadata,
  smallGguf,
  smallSentencePiece,
  tinyTalesJson,
} from '../../tokenizer/vocabularies.test.ts';
import type { ConstraintRequest, OutputFormat } from './constraint-compiler.ts';
import { createConstraintCompiler, vocabularyOf } from './xgrammar-constraints.ts';

const TALES = tokenizerFromGguf(ggufMetadata(tinyTalesJson(), 'llama-bpe'), {
  architecture: 'llama',
}).tokenizer;
const PIECES = tokenizerFromGguf(
  new Map([...smallSentencePiece(['▁', '▁the', 'é', '日本', '▁日']), ['tokenizer.ggml.eos_token_id', 2]]),
  { architecture: 'llama' },
).tokenizer;
const BYTES = tokenizerFromGguf(
  new Map([
    ...smallGguf({ pre: 'llama-bpe', tokens: ['Ã©', 'ab', 'Ġ{'], control: ['<|end|>', '<|other|>'] }),
    ['tokenizer.ggml.eos_token_id', 259],
  ]),
  { architecture: 'llama' },
).tokenizer;
const VOCABULARIES: Readonly<Record<string, Tokenizer>> = { TALES, PIECES, BYTES };
const TEXT = 'The café — "日本語" {ab}\n😀 ÿĀ߿ࠀ￿𐀀';

const request = (format: OutputFormat): ConstraintRequest => ({
  format,
  tools: [],
  toolChoice: 'auto',
  parallelToolCalls: true,
});

/** The ids that a mask allows. */
function allowed(mask: Int32Array): number[] {
  return Array.from({ length: mask.length * 32 }, (_, id) => id).filter(
    (id) => mask[id >> 5]! & (1 << (id & 31)),
  );
}

/** The tokens that begin a text. */
function beginnings(tokenizer: Tokenizer, rest: Uint8Array): number[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => {
    if (tokenizer.isSpecial(id) || tokenizer.stopIds.has(id)) return false;
    const bytes = tokenizer.tokenBytes(id);
    return bytes.length > 0 && bytes.length <= rest.length && bytes.every((byte, i) => byte === rest[i]);
  });
}

for (const [name, tokenizer] of Object.entries(VOCABULARIES)) {
  test(`${name}: every byte of every token reaches XGrammar`, () => {
    const written = vocabularyOf(tokenizer);
    const alphabet = new Map(
      vocabularyOf({ ...bytesOnly(), vocabSize: 256 }).map((text, byte) => [text, byte]),
    );
    assert.equal(alphabet.size, 256);
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const isOrdinary = !tokenizer.isSpecial(id) && !tokenizer.stopIds.has(id);
      const expected = isOrdinary ? [...tokenizer.tokenBytes(id)] : [];
      assert.deepEqual(
        [...written[id]!].map((character) => alphabet.get(character)),
        expected,
        `token ${id}`,
      );
    }
  });

  test(`${name}: a mask allows exactly the tokens that begin what may follow, and the end at the end`, async () => {
    const compiler = createConstraintCompiler(tokenizer);
    const constraint = (await compiler.compile(request({ kind: 'choices', choices: [TEXT] })))!;
    let rest = new TextEncoder().encode(TEXT);
    for (let step = 0; rest.length > 0; step++) {
      const ids = allowed(constraint.mask()!);
      assert.deepEqual(ids, beginnings(tokenizer, rest), `before ${new TextDecoder().decode(rest)}`);
      const id = ids[step % ids.length]!;
      constraint.accept(id);
      rest = rest.slice(tokenizer.tokenBytes(id).length);
    }
    assert.deepEqual(
      allowed(constraint.mask()!),
      [...tokenizer.stopIds].sort((a, b) => a - b),
    );
    constraint.accept([...tokenizer.stopIds][0]!);
    assert.deepEqual(
      allowed(constraint.mask()!),
      [...tokenizer.stopIds].sort((a, b) => a - b),
    );
    constraint.dispose();
    constraint.dispose();
    compiler.dispose();
  });
}

/** A vocabulary of the 256 bytes. */
function bytesOnly(): Tokenizer {
  return {
    ...BYTES,
    vocabSize: 256,
    stopIds: new Set<number>(),
    isSpecial: () => false,
    tokenBytes: (id) => Uint8Array.of(id),
  };
}

test('control tokens and ids beyond the vocabulary are never allowed, wherever any text may come', async () => {
  const compiler = createConstraintCompiler(BYTES);
  const tool = { name: 'f', parameters: { type: 'object' } };
  for (const format of [{ kind: 'text' }, { kind: 'regex', pattern: '[^]*' }] as const) {
    const constraint = (await compiler.compile({ ...request(format), tools: [tool] }))!;
    const ids = allowed(constraint.mask()!);
    assert.ok(ids.length > 100);
    assert.ok(ids.every((id) => id < BYTES.vocabSize && (!BYTES.isSpecial(id) || BYTES.stopIds.has(id))));
    constraint.dispose();
  }
  compiler.dispose();
});

test('a token against the constraint is a fault', async () => {
  const compiler = createConstraintCompiler(BYTES);
  const constraint = (await compiler.compile(request({ kind: 'choices', choices: ['a'] })))!;
  assert.throws(() => constraint.accept(0), /against its constraint/);
  constraint.dispose();
  compiler.dispose();
});

test('1000 formats take no more memory than 100', async () => {
  const compiler = createConstraintCompiler(BYTES, { maxCached: 8 });
  let early = 0;
  for (let i = 0; i < 1000; i++) {
    const schema = {
      type: 'object',
      properties: { [`p${i}`]: { type: 'string' }, n: { type: 'integer', minimum: i } },
    };
    const constraint = (await compiler.compile(request({ kind: 'schema', schema })))!;
    constraint.mask();
    constraint.dispose();
    if (i === 100) early = compiler.memoryBytes;
  }
  assert.ok(early > 0);
  assert.equal(compiler.memoryBytes, early);
  compiler.dispose();
});

test('constraints outlive what they were compiled from', async () => {
  const compiler = createConstraintCompiler(BYTES, { maxCached: 1, maxMemoryBytes: 1 });
  const first = (await compiler.compile(request({ kind: 'choices', choices: ['ab'] })))!;
  const second = (await compiler.compile(request({ kind: 'choices', choices: ['ba'] })))!;
  compiler.dispose();
  first.accept(BYTES.idOf('a')!);
  second.accept(BYTES.idOf('b')!);
  assert.ok(allowed(first.mask()!).includes(BYTES.idOf('b')!));
  assert.ok(allowed(second.mask()!).includes(BYTES.idOf('a')!));
  first.dispose();
  second.dispose();
  await assert.rejects(compiler.compile(request({ kind: 'json' })), { code: 'model/disposed' });
});

test('text without tools is free', async () => {
  const compiler = createConstraintCompiler(BYTES);
  assert.equal(await compiler.compile(request({ kind: 'text' })), undefined);
  compiler.dispose();
});
