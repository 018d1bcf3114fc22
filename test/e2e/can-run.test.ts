/**
 * `bitnet can-run` as a process: answers on a file and on names, for people and for programs, and the errors of a newcomer.
 * Nothing here depends on how fast the machine is, nor asks a network.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { validate } from '#src/cli/can-run/validate.js';
import { validationText } from '#src/cli/can-run/validation-text.js';
import { stylesOf } from '#src/cli/terminal.js';
import type { FitAnswer, Machine } from '#src/fit/fit.js';
import { type Ended, MAIN, QUIET_BACKEND, runNode } from './run-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-can-run-'));
const tiny = join(folder, 'tiny.gguf');
const state = join(folder, 'state');
after(() => rmSync(folder, { recursive: true, force: true }));

function bitnet(args: readonly string[]): Promise<Ended> {
  const env = { BITNET_BACKEND: QUIET_BACKEND, XDG_STATE_HOME: state };
  return runNode([MAIN, ...args], { cwd: folder, env });
}

/** Standard error without the note that a machine under test is busy. */
function notesOf({ stderr }: Ended): string {
  return stderr.replace(/^bitnet: this machine is busy.*\n/m, '');
}

before(async () => {
  const made = await bitnet(['make-random', '--shape', 'tiny', tiny]);
  assert.equal(made.status, 0);
});

test('a file: yes, with speed, memory and the machine', async () => {
  const ended = await bitnet([
    'can-run',
    tiny,
    '--threads',
    '1',
    '--context',
    '256',
    '--prompt',
    '32',
    '--json',
  ]);
  assert.equal(notesOf(ended), '');
  assert.equal(ended.status, 0);
  const { machine, answers } = JSON.parse(ended.stdout) as { machine: Machine; answers: FitAnswer[] };
  assert.equal(answers.length, 1);
  const [answer] = answers;
  assert.equal(answer!.verdict, 'yes');
  assert.deepEqual(answer!.question, { contextLength: 256, kvCache: 'f16', threads: 1, promptTokens: 32 });
  assert.ok(answer!.speed!.generation.value > 0 && answer!.speed!.prefill.value > 0);
  assert.ok(answer!.memory!.residentBytes > 0);
  assert.equal(machine.rates.length, 1);
  assert.ok(machine.usableThreads > 0);
});

test('without a MODEL all published ones are answered for, in a table', async () => {
  const ended = await bitnet(['can-run', '--threads', '1']);
  assert.equal(ended.status, 0);
  assert.match(ended.stdout, /^model +runs +memory +generation/);
  assert.match(ended.stdout, /^2b4t +(yes|only just|no) /m);
  assert.match(ended.stdout, /This machine\n/);
});

test('a name of the catalogue is answered without a network, and a damaged calibration is no trouble', async () => {
  mkdirSync(join(state, 'bitnet.ts'), { recursive: true });
  writeFileSync(join(state, 'bitnet.ts', 'calibration.json'), '{"version":1,');
  const ended = await bitnet(['can-run', '2b4t', '--threads', '1']);
  assert.match(ended.stdout, /^(Yes|Only just|No): 2b4t /);
  assert.match(
    notesOf(ended),
    /^bitnet: .*calibration\.json is damaged or of another version and is not used; .*\n$/,
  );
  rmSync(join(state, 'bitnet.ts'), { recursive: true });
});

test('what is no model is told at once', async () => {
  const ended = await bitnet(['can-run', 'no-such-model']);
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /there is no file, folder or model called no-such-model/);
  const missing = await bitnet(['can-run', './missing.gguf']);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no such file/);
});

test('options that mean nothing together are refused', async () => {
  for (const args of [
    ['2b4t', '--all'],
    ['2b4t', '--validate'],
    ['2b4t', 'falcon-e-1b'],
    ['--kv-cache', 'q4'],
    ['--context', '0'],
  ]) {
    const ended = await bitnet(['can-run', ...args]);
    assert.equal(ended.status, 2, args.join(' '));
  }
});

test('predictions are compared with what a model really does', async () => {
  const backend = QUIET_BACKEND === '' ? undefined : 'wasm';
  const phases: string[] = [];
  const { rows, entries } = await validate({
    program: { programBytes: 5e7, programFileBytes: 3e7 },
    threads: [1],
    backend,
    shapes: ['tiny'],
    promptTokens: 32,
    signal: new AbortController().signal,
    onPhase: (phase) => phases.push(phase),
  });
  assert.equal(rows.length, 1);
  const [row] = rows;
  for (const { predicted, measured } of [row!.prefill, row!.generation, row!.loadSeconds]) {
    assert.ok(predicted > 0 && measured > 0);
  }
  assert.equal(phases.length, 2);
  assert.equal(entries[0]!.threads, 1);
  const text = validationText(rows, stylesOf({ write: () => true }));
  assert.match(text, /^tiny +1 +generation +[\d.]+ tok\/s +[\d.]+ tok\/s +[+-][\d.]+ %$/m);
  assert.match(text, /largest error of a speed [\d.]+ %/);
});
