/**
 * Vocabularies for the tests of this folder: the trained one of tiny-tales in both of its forms, and small synthetic
 * ones. Its own test says that the golden files are there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import type { MetadataValue } from '../formats/gguf/metadata.ts';
import { TextList } from '../formats/text-list.ts';

const GOLDEN = new URL('../../test/golden/tiny-tales/', import.meta.url);

/** A tokenizer.json of the kind that tiny-tales has, as JSON.parse gives it. */
export interface TokenizerJson {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  model: {
    type: string;
    vocab: Record<string, number>;
    merges: (string | [string, string])[];
    [key: string]: unknown;
  };
}

/** Reference vectors by an independent float64 numpy implementation. */
export interface Reference {
  readonly greedy: readonly {
    prompt: string;
    prompt_ids: number[];
    continuation_ids: number[];
    text: string;
  }[];
  readonly tokenize: readonly { text: string; ids: number[] }[];
}

/** The text of a golden file. */
export function golden(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8');
}

/** tiny-tales' tokenizer.json, a fresh copy. */
export function tinyTalesJson(): TokenizerJson {
  const json: TokenizerJson = JSON.parse(golden('hf-bf16/tokenizer.json'));
  return json;
}

/** tiny-tales' reference.json. */
export function tinyTalesReference(): Reference {
  const reference: Reference = JSON.parse(golden('reference.json'));
  return reference;
}

/** Metadata as in a GGUF file, from a byte-level tokenizer.json. */
export function ggufMetadata(json: TokenizerJson, pre: string | undefined): Map<string, MetadataValue> {
  const tokens: string[] = [];
  for (const [text, id] of Object.entries(json.model.vocab)) tokens[id] = text;
  for (const token of json.added_tokens) tokens[token.id] = token.content;
  const types = new Int32Array(tokens.length).fill(1);
  for (const token of json.added_tokens) types[token.id] = token.special ? 3 : 4;
  const last = tokens.length - 1;
  const metadata = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.tokens', TextList.of(tokens)],
    ['tokenizer.ggml.token_type', types],
    [
      'tokenizer.ggml.merges',
      TextList.of(json.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')))),
    ],
    ['tokenizer.ggml.bos_token_id', last],
    ['tokenizer.ggml.eos_token_id', last],
    ['tokenizer.ggml.add_bos_token', true],
  ]);
  if (pre !== undefined) metadata.set('tokenizer.ggml.pre', pre);
  return metadata;
}

/** Metadata of a byte-level vocabulary with a token per byte, more tokens, merges and control tokens. */
export function smallGguf(options: {
  tokens?: readonly string[];
  merges?: readonly string[];
  control?: readonly string[];
  userDefined?: readonly string[];
  pre?: string;
}): Map<string, MetadataValue> {
  const bytes: string[] = [];
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    bytes.push(String.fromCharCode(isPrintable ? byte : 256 + others++));
  }
  const { tokens = [], merges = [], control = [], userDefined = [] } = options;
  const all = [...bytes, ...tokens, ...userDefined, ...control];
  const types = new Int32Array(all.length).fill(1);
  types.fill(4, bytes.length + tokens.length);
  types.fill(3, bytes.length + tokens.length + userDefined.length);
  const metadata = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.tokens', TextList.of(all)],
    ['tokenizer.ggml.token_type', types],
    ['tokenizer.ggml.merges', TextList.of(merges)],
  ]);
  if (options.pre !== undefined) metadata.set('tokenizer.ggml.pre', options.pre);
  return metadata;
}

/** Metadata of a small SentencePiece vocabulary: `<unk>`, `<s>`, `</s>`, 256 bytes, then the given tokens by rank. */
export function smallSentencePiece(tokens: readonly string[]): Map<string, MetadataValue> {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const all = ['<unk>', '<s>', '</s>', ...bytes, ...tokens];
  const types = new Int32Array(all.length).fill(1);
  types.set([2, 3, 3]);
  types.fill(6, 3, 259);
  const scores = new Float32Array(all.length);
  for (let rank = 0; rank < tokens.length; rank++) scores[259 + rank] = -rank;
  return new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', TextList.of(all)],
    ['tokenizer.ggml.token_type', types],
    ['tokenizer.ggml.scores', scores],
    ['tokenizer.ggml.bos_token_id', 1],
    ['tokenizer.ggml.eos_token_id', 2],
    ['tokenizer.ggml.unknown_token_id', 0],
  ]);
}

/** Expects a BitnetError with a code and, in its message, all the given words. */
export function throwsBitnetError(run: () => unknown, code: string, ...words: readonly string[]): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof BitnetError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words)
      assert.ok(error.message.includes(word), `${error.message} does not say ${word}`);
    return true;
  });
}

test('the golden vocabulary is the one that the reference was made with', () => {
  assert.equal(Object.keys(tinyTalesJson().model.vocab).length, 2048);
  assert.ok(tinyTalesReference().tokenize.length >= 3);
});
