/**
 * Damaged tokenizer files and chat templates: whatever the damage, the answer is a working object or a BitnetError, and
 * it comes. The number of runs is BITNET_FUZZ_RUNS, the seed BITNET_FUZZ_SEED.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import type { MetadataValue } from '../formats/gguf/metadata.ts';
import { TextList } from '../formats/text-list.ts';
import { createChatTemplate } from './chat/chat-template.ts';
import { BITNET_2B4T_TEMPLATE, FALCON3_TEMPLATE } from './chat/known-templates.ts';
import { tokenizerFromGguf } from './from-gguf.ts';
import { tokenizerFromHuggingFace } from './from-huggingface.ts';
import type { Tokenizer } from './tokenizer.ts';
import { golden, smallGguf, smallSentencePiece, tinyTalesJson } from './vocabularies.test.ts';

const RUNS = Number(process.env.BITNET_FUZZ_RUNS ?? 1000);
const SEED = Number(process.env.BITNET_FUZZ_SEED ?? 1);

/** Numbers in [0, n) of a small generator (mulberry32), so that a failure can be repeated. */
function generator(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

type Random = (n: number) => number;

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)]!;
}

/** Runs a step that may only succeed or throw a BitnetError; answers undefined when it threw. */
function survives<T>(what: string, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    assert.ok(error instanceof BitnetError, `${what}: ${error instanceof Error ? error.stack : error}`);
    return undefined;
  }
}

const SAMPLE = "Hello <|endoftext|> wörld\n\n  it's 12345 <s>👍 é\u0000";

function use(what: string, tokenizer: Tokenizer): void {
  survives(what, () => {
    const ids = tokenizer.encode(SAMPLE, { parseSpecial: true });
    for (const id of ids) assert.ok(Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize, what);
    tokenizer.decode(ids);
  });
}

const JUNK: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e9,
  2 ** 53,
  '',
  'x',
  'ByteLevel',
  'Sequence',
  '▁',
  [],
  [[]],
  {},
  { type: 'Sequence' },
  { type: 'Metaspace' },
  { type: 'Split', pattern: { Regex: '(a*)*b' } },
  JSON.parse('{"__proto__":{"x":1}}'),
  ['a', 'b'],
  'Ā ā',
];

/** A fresh copy, since it may be damaged further. */
function junk(random: Random): unknown {
  return JSON.parse(JSON.stringify(pick(random, JUNK)));
}

/** Replaces, deletes or adds a random part of a JSON value in place. */
function damage(value: unknown, random: Random, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  const keys = Object.keys(value);
  const record = value as Record<string, unknown>;
  if (keys.length === 0 || random(12) === 0) {
    if (Array.isArray(value)) value.push(junk(random));
    else record[JSON.stringify(junk(random))] = junk(random);
    return;
  }
  const key = pick(random, keys);
  const child = record[key];
  if (typeof child === 'object' && child !== null && depth < 6 && random(4) > 0) {
    damage(child, random, depth + 1);
  } else if (random(4) > 0) {
    record[key] = junk(random);
  } else if (Array.isArray(value)) {
    value.splice(Number(key), 1);
  } else {
    delete record[key];
  }
}

test(`${RUNS} damaged tokenizer.json files`, (t) => {
  t.diagnostic(`fuzzed inputs: ${RUNS}`);
  for (let run = 0; run < RUNS; run++) {
    const random = generator(SEED * 1_000_003 + run);
    const files: Record<string, unknown> = {
      tokenizerJson: tinyTalesJson(),
      tokenizerConfig: JSON.parse(golden('hf-bf16/tokenizer_config.json')),
      config: JSON.parse(golden('hf-bf16/config.json')),
    };
    for (let n = random(3); n >= 0; n--) damage(pick(random, [files.tokenizerJson, files]), random);
    const result = survives(`run ${run}`, () =>
      tokenizerFromHuggingFace({ tokenizerJson: undefined, ...files }),
    );
    if (result !== undefined) use(`run ${run}`, result.tokenizer);
  }
});

test(`${Math.ceil(RUNS / 4)} tokenizer.json texts with damaged characters`, (t) => {
  t.diagnostic(`fuzzed inputs: ${Math.ceil(RUNS / 4)}`);
  const text = golden('hf-bf16/tokenizer.json');
  for (let run = 0; run < RUNS / 4; run++) {
    const random = generator(SEED * 2_000_003 + run);
    const units = [...text];
    for (let n = random(4); n >= 0; n--)
      units[random(units.length)] = pick(random, ['"', '}', '0', ',', 'Ġ', '\\', '']);
    const cut = random(8) === 0 ? random(units.length) : units.length;
    const result = survives(`run ${run}`, () =>
      tokenizerFromHuggingFace({ tokenizerJson: units.slice(0, cut).join('') }),
    );
    if (result !== undefined) use(`run ${run}`, result.tokenizer);
  }
});

test(`${RUNS} damaged GGUF vocabularies`, (t) => {
  t.diagnostic(`fuzzed inputs: ${RUNS}`);
  for (let run = 0; run < RUNS; run++) {
    const random = generator(SEED * 3_000_003 + run);
    const metadata =
      random(2) === 0
        ? smallGguf({ tokens: ['ab'], merges: ['a b'], control: ['<s>'], pre: 'gpt-2' })
        : smallSentencePiece(['▁', 'a', 'b', 'ab']);
    for (let n = random(3); n >= 0; n--) damageMetadata(metadata, random);
    const result = survives(`run ${run}`, () => tokenizerFromGguf(metadata, { architecture: 'llama' }));
    if (result !== undefined) use(`run ${run}`, result.tokenizer);
  }
});

function damageMetadata(metadata: Map<string, MetadataValue>, random: Random): void {
  const key = pick(random, [...metadata.keys(), 'llama.vocab_size', 'tokenizer.ggml.eot_token_id']);
  const value = metadata.get(key);
  if (value instanceof TextList && random(3) > 0) {
    const list = [...value];
    const junk = pick(random, ['', ' ', 'a b', 'x'.repeat(400), 'a']);
    for (let n = random(4); n >= 0; n--) list[random(list.length)] = junk;
    metadata.set(key, TextList.of(list));
  } else if (ArrayBuffer.isView(value) && random(3) > 0) {
    const list = (value as Int32Array).slice();
    const junk = pick(random, [-1, 0, 3, 6, 99]);
    for (let n = random(4); n >= 0; n--) list[random(list.length)] = junk;
    metadata.set(key, list);
  } else if (random(4) === 0) {
    metadata.delete(key);
  } else {
    metadata.set(
      key,
      pick<MetadataValue>(random, [
        -1,
        0,
        1e12,
        1n,
        'llama',
        'gpt2',
        true,
        [],
        [true],
        TextList.of([]),
        TextList.of(['a']),
        new Float64Array(2),
      ]),
    );
  }
}

const TEMPLATES: readonly string[] = [
  BITNET_2B4T_TEMPLATE,
  FALCON3_TEMPLATE,
  "{% macro f(a, b=1) %}{{ a }}{{ f(b) if a > 9 }}{% endmacro %}{% for i in range(3) %}{{ f(i) | replace('1', 'x') }}{% endfor %}",
  "{% set ns = namespace(s='') %}{% for m in messages if m.role == 'user' %}{% set ns.s = ns.s ~ m | tojson(indent=2) %}{% endfor %}{{ ns.s | indent(2) }}",
  "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content.split(' ')[::2] | sort | join(', ') }}{% else %}{{ [] | first }}{% endfor %}",
];
const FRAGMENTS: readonly string[] = [
  '{%',
  '%}',
  '{{',
  '}}',
  '{#',
  '#}',
  '-',
  '(',
  ')',
  '[',
  ']',
  ':',
  '|',
  '~',
  '*',
  '**',
  "'",
  '"',
  '\\',
  '\n',
  ' ',
  '.',
  ',',
  '=',
  'for',
  'in',
  'if',
  'range(9999)',
  'messages',
  'loop',
  'set',
  'macro f()',
  'endfor',
  'endif',
  'not',
  'is',
  'none',
  '9e9',
  '-1',
  'tojson',
  'sort',
  'f',
  'm',
  'namespace',
  '.replace',
  '|join',
  '|indent(99999)',
  '10**9',
  '{}',
  '\u{1f44d}',
];

test(`${RUNS * 4} damaged chat templates`, (t) => {
  t.diagnostic(`fuzzed inputs: ${RUNS * 4}`);
  const messages = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'one two three', n: 12 },
  ];
  for (let run = 0; run < RUNS * 4; run++) {
    const random = generator(SEED * 4_000_003 + run);
    let source = pick(random, TEMPLATES);
    for (let n = random(4); n >= 0; n--) {
      const at = random(source.length + 1);
      source = source.slice(0, at) + pick(random, FRAGMENTS) + source.slice(at + random(3) * random(12));
    }
    const template = survives(source, () => createChatTemplate(source));
    if (template !== undefined) survives(source, () => template.render(messages));
  }
});
