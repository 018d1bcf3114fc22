/** `bitnet convert` as a process: what it writes, what it says, and every way in which it declines. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Ended, MAIN, ROOT, runNode, startNode, TINY_TALES } from './run-process.ts';

const GOLDEN = join(ROOT, 'test', 'golden', 'tiny-tales');
const PACKED = join(GOLDEN, 'hf-packed');
const folder = mkdtempSync(join(tmpdir(), 'bitnet-convert-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const convert = (...args: string[]): Promise<Ended> => runNode([MAIN, 'convert', ...args]);

/** A copy of the packed folder with a file changed or, without content, taken away. */
function packedWith(name: string, file: string, content?: (old: string) => string): string {
  const copy = at(name);
  cpSync(PACKED, copy, { recursive: true });
  const path = join(copy, file);
  if (content === undefined) rmSync(path);
  else writeFileSync(path, content(readFileSync(path, 'utf8')));
  return copy;
}

test('to GGUF and back to a folder, compared with the source', async () => {
  const there = await convert(PACKED, at('model.gguf'), '--verify');
  assert.equal(there.status, 0, there.stderr);
  assert.match(there.stdout, /model\.gguf: I2_S, 1\.57 MB/);
  assert.match(there.stdout, /24 of 524288 values of token_embd\.weight/);
  assert.match(there.stdout, /Compared: logits differ by up to .*The reason: what was lost\./);
  const back = await convert(at('model.gguf'), `${at('folder')}/`, '--verify', '--json');
  assert.equal(back.status, 0, back.stderr);
  const report = JSON.parse(back.stdout);
  assert.deepEqual([report.projections, report.losses], ['U8', []]);
  assert.equal(report.verification.isIdentical, true);
  assert.deepEqual(readdirSync(folder).sort(), ['folder', 'model.gguf']);
  assert.deepEqual(readdirSync(at('folder')).sort(), [
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
});

test('what is there already stays, unless --force replaces it', async () => {
  const before = statSync(at('model.gguf')).mtimeMs;
  for (const out of ['model.gguf', 'folder']) {
    const { status, stderr } = await convert(PACKED, at(out));
    assert.equal(status, 1);
    assert.match(stderr, /exists already; choose another name, or replace it with --force/);
  }
  assert.equal(statSync(at('model.gguf')).mtimeMs, before);
  const other = await convert(PACKED, at('folder'), '--force', '--type', 'bf16');
  assert.equal(other.status, 0, other.stderr);
  assert.match(readFileSync(join(at('folder'), 'config.json'), 'utf8'), /"weight_bits": 16/);
  // Not a model folder, so not to be removed.
  mkdirSync(at('mine'));
  writeFileSync(join(at('mine'), 'diary.txt'), 'dear');
  const { status, stderr } = await convert(PACKED, at('mine'), '--force');
  assert.equal(status, 1);
  assert.match(stderr, /other things than a model/);
  assert.ok(existsSync(join(at('mine'), 'diary.txt')));
});

const refusals: [string, () => [source: string, out: string, ...options: string[]], number, RegExp][] = [
  ['no OUT', () => [PACKED, ''], 2, /SOURCE and OUT are needed/],
  ['a source that is not there', () => [at('nowhere'), at('a.gguf')], 1, /nowhere/],
  ['a folder that does not exist', () => [PACKED, at('no/such/a.gguf')], 1, /its folder does not exist/],
  ['a GGUF type for a folder', () => [PACKED, at('a'), '--type', 'i2_s'], 2, /OUT has to end in \.gguf/],
  ['a folder type for GGUF', () => [PACKED, at('a.gguf'), '--type', 'packed'], 2, /makes a folder/],
  ['an OUT that is neither', () => [PACKED, at('model.safetensors')], 2, /the name of a folder/],
  ['a type that is none', () => [PACKED, at('a.gguf'), '--type', 'tq1'], 2, /did you mean tq1_0/],
  ['blocks in a folder', () => [PACKED, at('a'), '--embedding', 'q6_k'], 1, /no Q6_K blocks/],
  [
    'the source as OUT',
    () => [TINY_TALES, linkTo(TINY_TALES, 'link.gguf'), '--force'],
    1,
    /is the model itself/,
  ],
  [
    'the folder of the source as OUT',
    () => [PACKED, GOLDEN, '--force'],
    1,
    /the folder that the model lies in/,
  ],
  [
    'another architecture',
    () => [packedWith('mamba', 'config.json', (text) => text.replace('BitNetFor', 'MambaFor')), at('a.gguf')],
    1,
    /architecture is "MambaForCausalLM"; supported are/,
  ],
  [
    'no tokenizer',
    () => [packedWith('mute', 'tokenizer.json'), at('a.gguf')],
    1,
    /there is no tokenizer\.json/,
  ],
  [
    'no word on the scales',
    () => [
      packedWith('bare', 'config.json', (text) => text.replace(/"quantization_config"/, '"x"')),
      at('a.gguf'),
    ],
    1,
    /does not say whether its weight_scale/,
  ],
  ['a source cut short', () => [cutShort(), at('a.gguf')], 1, /cut short|safetensors/],
];

function linkTo(path: string, name: string): string {
  symlinkSync(path, at(name));
  return at(name);
}

function cutShort(): string {
  const copy = at('cut');
  cpSync(PACKED, copy, { recursive: true });
  truncateSync(join(copy, 'model.safetensors'), 1_000_000);
  return copy;
}

describe('declined with one sentence and nothing written', () => {
  for (const [what, args, expected, message] of refusals) {
    test(what, async () => {
      const { status, stdout, stderr } = await convert(...args());
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.equal(status, expected);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.ok(!existsSync(at('a.gguf')) && !existsSync(at('a')));
      assert.ok(!readdirSync(folder).some((name) => name.endsWith('.part')));
    });
  }
});

test('Ctrl-C leaves nothing half written', async () => {
  const large = at('large.gguf');
  const made = await runNode([MAIN, 'make-random', '--shape', 'mini', '--layers', '2', large]);
  assert.equal(made.status, 0, made.stderr);
  const { child, ended } = startNode([MAIN, 'convert', large, at('stopped.gguf'), '--embedding', 'q6_k']);
  // As soon as there is something to leave behind.
  const timer = setInterval(() => {
    if (readdirSync(folder).some((name) => name.startsWith('stopped.gguf'))) child.kill('SIGINT');
  }, 5);
  const { status } = await ended.finally(() => clearInterval(timer));
  assert.equal(status, 130);
  assert.ok(!readdirSync(folder).some((name) => name.startsWith('stopped.gguf')));
});
