import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { readBytes } from '../../base/byte-source.ts';
import type { BitnetError } from '../../base/errors.ts';
import { openRunFolder, readRunFolder } from './disk-run-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-run-'));
const run = join(folder, 'deep', 'run');
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(join(folder, 'deep'), { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const hasCode = (code: string) => (error: BitnetError) => error.code === code;

test('files are written, read, added to, listed and removed', async () => {
  const place = await openRunFolder(run);
  try {
    await place.write('checkpoints/step-00000010.safetensors', (sink) => sink(bytes('ten')));
    await place.write('checkpoints/step-00000002.safetensors', (sink) => sink(bytes('two')));
    await place.append('metrics.jsonl', '1\n');
    await place.append('metrics.jsonl', '2\n');
    const source = await place.open('metrics.jsonl');
    assert.equal(new TextDecoder().decode(await readBytes(source!, 0, source!.size)), '1\n2\n');
    await source!.close();
    assert.equal(await place.open('nothing'), undefined);
    assert.equal(await place.open('checkpoints'), undefined);
    assert.deepEqual(await place.list('checkpoints'), [
      'checkpoints/step-00000002.safetensors',
      'checkpoints/step-00000010.safetensors',
    ]);
    assert.deepEqual(await place.list('model'), []);
    await place.remove('checkpoints/step-00000002.safetensors');
    await place.remove('checkpoints/step-00000002.safetensors');
    assert.deepEqual(await place.list('checkpoints'), ['checkpoints/step-00000010.safetensors']);
  } finally {
    await place.close();
  }
});

test('a file that fails half way leaves the old one', async () => {
  const place = await openRunFolder(run);
  await place.write('a', (sink) => sink(bytes('old')));
  const failing = place.write('a', async (sink) => {
    await sink(bytes('ne'));
    throw new Error('no more');
  });
  await assert.rejects(failing, /no more/);
  assert.equal(readFileSync(join(run, 'a'), 'utf8'), 'old');
  await place.close();
  assert.deepEqual(readdirSync(run), ['a']);
});

test('names that lead out of the folder are refused', async () => {
  const place = readRunFolder(run);
  for (const name of ['../x', '/x', 'a//b', '', 'a/../../x'])
    await assert.rejects(place.open(name), Error, name);
});

test('what a killed run left half written is taken away', async () => {
  mkdirSync(join(run, 'checkpoints'), { recursive: true });
  writeFileSync(join(run, 'checkpoints', 'step-1.safetensors.123.part'), 'half');
  writeFileSync(join(run, 'checkpoints', 'step-0.safetensors'), 'whole');
  const place = await openRunFolder(run);
  assert.deepEqual(readdirSync(join(run, 'checkpoints')), ['step-0.safetensors']);
  await place.close();
});

test('a folder is had by one process at a time, and left free', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
  await once(child.stdout, 'data');
  try {
    mkdirSync(run, { recursive: true });
    // Field 22 of its line; see run-lock.ts.
    const stat = existsSync(`/proc/${child.pid}/stat`) ? readFileSync(`/proc/${child.pid}/stat`, 'utf8') : '';
    const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const lock = (holder: object) => writeFileSync(join(run, 'lock'), JSON.stringify(holder));
    lock({ pid: child.pid, host: hostname(), began });
    await assert.rejects(openRunFolder(run), (error: BitnetError) =>
      error.message.startsWith(`${run}: process ${child.pid} trains here; wait until it has ended`),
    );
    lock({ pid: 7, host: 'elsewhere', began });
    await assert.rejects(openRunFolder(run), hasCode('train/run-in-use'));
    lock({ pid: child.pid, host: hostname(), began: 'another process of that number' });
    const place = await openRunFolder(run);
    await assert.rejects(openRunFolder(run), hasCode('train/run-in-use'), 'this very process');
    await place.close();
    assert.ok(!existsSync(join(run, 'lock')));
  } finally {
    child.kill();
    await once(child, 'exit');
  }
  writeFileSync(join(run, 'lock'), JSON.stringify({ pid: child.pid, host: hostname(), began: '' }));
  await (await openRunFolder(run)).close();
});

test('a place that cannot be a run is one sentence', async () => {
  mkdirSync(join(folder, 'deep'));
  writeFileSync(run, 'a file');
  await assert.rejects(
    openRunFolder(run),
    (error: BitnetError) => error.message === `${run} is a file; a run needs a folder of its own`,
  );
  await assert.rejects(openRunFolder(join(run, 'below')), hasCode('output/failed'));
  if (existsSync('/proc/self'))
    await assert.rejects(openRunFolder('/proc/none/below'), hasCode('output/failed'));
});

test('a run that never began leaves no folder, but one that was there stays', async () => {
  await (await openRunFolder(join(run, 'below'))).close();
  assert.deepEqual(readdirSync(run), []);
  await (await openRunFolder(run)).close();
  assert.ok(existsSync(run));
});

if (existsSync('/dev/full')) {
  test('a full disk is said to be full', async () => {
    await assert.rejects(
      readRunFolder('/dev').append('full', 'x'),
      (error: BitnetError) => error.message === '/dev/full cannot be written: the disk is full',
    );
  });
}
