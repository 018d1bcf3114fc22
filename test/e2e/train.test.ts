/**
 * `bitnet train` as its users meet it, on a model so small that a step takes milliseconds: from a text to a file that
 * runs, stopped and gone on with, and what it says to input that it cannot use.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Ended, MAIN, QUIET_BACKEND, type Started, startNode } from './run-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-train-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const STEPS = 60;
const NAMES = ['Mia', 'Tom', 'Ada', 'Ben'];
const OBJECTS = ['kite', 'ball', 'cake'];
const stories = Array.from({ length: 600 }, (_, i) => {
  const [name, object] = [NAMES[(i * 7) % 4], OBJECTS[(i * i) % 3]];
  return `${name} saw the ${object}. Then ${name} took the ${object} home.${i % 5 === 4 ? '\n' : ' '}`;
}).join('');
const text = textFile('stories.txt', stories);
const small = [
  '--vocabulary',
  '280',
  '--layers',
  '1',
  '--width',
  '128',
  '--feed-forward',
  '128',
  '--context',
  '32',
];
const recipe = ['--data', text, ...small, '--batch', '4', '--steps', String(STEPS), '--threads', '2'];

function textFile(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function start(args: readonly string[]): Started {
  return startNode([MAIN, ...args], { env: { BITNET_BACKEND: QUIET_BACKEND }, cwd: folder });
}

const bitnet = (...args: string[]): Promise<Ended> => start(args).ended;

/** The standard output of a run that must succeed. */
async function output(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await bitnet(...args);
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Starts a run, sends a signal once it has reported a step, and answers how it ended. */
async function interrupted(out: string, signal: NodeJS.Signals): Promise<Ended> {
  const { child, ended } = start(['train', ...recipe, '--out', out, '--json']);
  for (let seen = ''; !/"kind":"checkpoint"/.test(seen); ) {
    const [piece] = (await once(child.stdout, 'data')) as [string];
    seen += piece;
  }
  child.kill(signal);
  return ended;
}

const model = (out: string) => readFileSync(join(folder, out, 'stories.i2_s.gguf'));

test('from a text to a model that runs, with metrics and a report', async () => {
  const lines = (await output('train', ...recipe, '--out', 'whole', '--json')).trim().split('\n');
  const metrics = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const steps = metrics.filter(({ kind }) => kind === 'step');
  assert.equal(steps.length, STEPS);
  const [first, last] = [steps[0]!.loss, steps.at(-1)!.loss] as [number, number];
  assert.ok(last < first / 2, `the loss went from ${first} to ${last}`);
  assert.deepEqual((metrics.at(-1)!.files as string[])[0], join('whole', 'model', 'model.safetensors'));
  const kept = readFileSync(join(folder, 'whole', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  assert.deepEqual(kept, lines.slice(0, -1));

  const file = join('whole', 'stories.i2_s.gguf');
  assert.match(await output('run', file, 'Mia saw', '--temperature', '0', '--max-tokens', '8'), /the/);
  assert.match(await output('inspect', file), /bitnet-b1\.58/);
  const path = (await output('train', 'report', 'whole')).trim();
  assert.equal(path, join(folder, 'whole', 'report.html'));
  assert.match(readFileSync(path, 'utf8'), /^<!doctype html>[\s\S]*stories \(ternary\)[\s\S]*<\/html>\n$/);
  assert.ok(!readdirSync(join(folder, 'whole')).includes('lock'));
});

test('a model with a chat template is to be talked to', async () => {
  textFile('chat.jinja', "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}");
  const tokenizer = { vocabularySize: 280, chatTemplate: 'chat.jinja' };
  const path = textFile('chat.json', JSON.stringify({ data: { train: [recipe[1]] }, tokenizer, steps: 1 }));
  const shape = ['--layers', '1', '--width', '128', '--context', '32', '--batch', '2'];
  const text = await output('train', path, ...shape, '--out', 'chat');
  assert.match(text, /^bitnet chat chat\/chat\.i2_s\.gguf$/m);
  assert.doesNotMatch(text, /bitnet run/);
});

test('Ctrl-C saves, a kill loses what came after the checkpoint, and the run goes on to the same bits', async () => {
  const stopped = await interrupted('stopped', 'SIGINT');
  assert.equal(stopped.status, 130);
  assert.match(stopped.stderr, /^bitnet: stopped after step \d+ of 60; the same command goes on\n$/);
  const killed = await interrupted('stopped', 'SIGKILL');
  assert.equal(killed.status, null);
  writeFileSync(join(folder, 'stopped', 'checkpoints', 'step-00000059.safetensors.1.part'), 'half');
  const text = await output('train', ...recipe, '--out', 'stopped', '--resume');
  assert.match(text, /^stories: 60 steps, loss /m);
  assert.deepEqual(model('stopped'), model('whole'));
  assert.ok(
    readdirSync(join(folder, 'stopped', 'checkpoints')).every((name) =>
      /^step-\d{8}\.safetensors$/.test(name),
    ),
  );
  const steps = readFileSync(join(folder, 'stopped', 'metrics.jsonl'), 'utf8').match(/"kind":"step"/g);
  assert.equal(steps?.length, STEPS, 'each step is told of once');
});

test('a finished run is exported again, whole or from a checkpoint, dense or quantised', async () => {
  assert.match(await output('train', ...recipe, '--out', 'whole'), /trained already; exported again/);
  const before = model('whole');
  rmSync(join(folder, 'whole', 'stories.i2_s.gguf'));
  assert.match(await output('train', 'export', 'whole'), /^step 60\n/);
  assert.deepEqual(model('whole'), before);
  const text = await output('train', ...recipe, '--precision', 'f32', '--out', 'dense');
  assert.match(text, /stories\.f32\.gguf/);
  await output('train', 'export', 'dense', '--format', 'i2_s', '--name', 'quantised');
  assert.match(await output('run', 'dense/quantised.i2_s.gguf', 'Mia', '--max-tokens', '4'), /\S/);
  const page = await output('train', 'report', 'dense', 'whole', '--out', 'twins.html');
  assert.match(readFileSync(page.trim(), 'utf8'), /nats<\/strong> a token (above|below)/);
});

test('a checkpoint is not exported with a tokenizer of another run, and the run puts its own back', async () => {
  const path = join(folder, 'whole', 'tokenizer.json');
  const own = readFileSync(path, 'utf8');
  writeFileSync(path, `${own}\n`);
  const { status, stderr } = await bitnet('train', 'export', 'whole');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /step-00000060\.safetensors was trained with another tokenizer than the one in its folder/,
  );
  assert.match(await output('train', ...recipe, '--out', 'whole'), /trained already; exported again/);
  assert.equal(readFileSync(path, 'utf8'), own);
});

test('a run of another recipe, text or tokenizer is not gone on with, and its checkpoints stay', async () => {
  const checkpoints = () => readdirSync(join(folder, 'whole', 'checkpoints'));
  const before = checkpoints();
  const other = textFile('other.txt', stories.replaceAll('kite', 'boat'));
  const cases: [args: string[], sentence: RegExp][] = [
    [[...recipe, '--seed', '2'], /belongs to another run: seed was 1 there and is 2 in the recipe/],
    [[...recipe, '--vocabulary', '290'], /has checkpoints that were trained on another tokenizer/],
    [['--data', other, ...recipe.slice(2)], /has checkpoints that were trained on another training text/],
    [[...recipe, '--out', 'fresh', '--resume'], /fresh has no checkpoint to go on from/],
  ];
  for (const [args, sentence] of cases) {
    const { status, stdout, stderr } = await bitnet('train', '--out', 'whole', ...args);
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  assert.deepEqual(checkpoints(), before);
});

test('text that cannot be trained on is one sentence', async () => {
  mkdirSync(join(folder, 'nothing'));
  const cases: [path: string, sentence: RegExp][] = [
    [textFile('empty.txt', ''), /empty\.txt/],
    [textFile('short.txt', 'a'), /short|needs at least 2 of text; give more/],
    [textFile('bytes.txt', Uint8Array.of(0x61, 0xff, 0x62)), /bytes\.txt.*UTF-8/],
    [textFile('bad.jsonl', '{"text": "one"}\n{"text": "two"}\n{"txt": 3}\n'), /bad\.jsonl.*line 3/],
    [textFile('torn.jsonl', '{"text": "one"}\n{"text": \n'), /torn\.jsonl.*line 2.*not JSON/],
    [textFile('image.png', 'png'), /image\.png is no training text/],
    [join(folder, 'nothing'), /nothing: there is no .*file/],
    [textFile('mark.txt', '\ufeff'), /mark\.txt has no text/],
    [join(folder, 'missing.txt'), /missing\.txt: there is no such file/],
  ];
  for (const [path, sentence] of cases) {
    const { status, stdout, stderr } = await bitnet('train', '--data', path, ...small, '--out', 'unusable');
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' }, path);
    assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /internal error/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('commands of two words have their own help and mistakes', async () => {
  assert.match(await output('train', 'report', '--help'), /bitnet train report \[OPTIONS\] RUN/);
  assert.match(await output('help', 'train', 'export'), /bitnet train export \[OPTIONS\] RUN/);
  assert.match(await output('train', '--help'), /bitnet train \[OPTIONS\] \[RECIPE\.json\]/);
  const bench = await bitnet('train', '--bench', '--tokenizer', 'nowhere.json');
  assert.equal(bench.status, 1);
  assert.match(bench.stderr, /nowhere\.json: there is no such file|nowhere\.json cannot be read/);
  const { status, stderr } = await bitnet('train', 'report', '--chekpoint', '3');
  assert.equal(status, 2);
  assert.match(stderr, /^bitnet: train report has no option --chekpoint/);
});
