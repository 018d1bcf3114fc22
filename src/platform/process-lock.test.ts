import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tryLock } from './process-lock.ts';

async function lockFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-lock-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'lock');
}

async function take(path: string): Promise<() => Promise<void>> {
  const lock = await tryLock(path);
  assert.ok('release' in lock, JSON.stringify(lock));
  return lock.release;
}

test('one holder at a time, which the lock names', async (t) => {
  const path = await lockFile(t);
  const release = await take(path);
  assert.equal(JSON.parse(await readFile(path, 'utf8')).pid, process.pid);
  assert.deepEqual(await tryLock(path), { pid: process.pid, host: hostname(), isElsewhere: false });
  await release();
  await (await take(path))();
});

test('a holder that is gone counts for nothing, nor does another process of its number', async (t) => {
  const path = await lockFile(t);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  for (const holder of [
    { pid, host: hostname(), began: '1' },
    { pid: process.pid, host: hostname(), began: 'before the machine was started' },
  ]) {
    await writeFile(path, JSON.stringify(holder));
    await (await take(path))();
  }
  assert.deepEqual(await readdir(join(path, '..')), [], 'nothing is left behind');
});

test('a lock that is being written is respected, one that stayed empty is not', async (t) => {
  const path = await lockFile(t);
  await writeFile(path, '');
  assert.deepEqual(await tryLock(path), { pid: undefined, host: hostname(), isElsewhere: false });
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(path, longAgo, longAgo);
  await (await take(path))();
});

test('of many that find a dead holder at once, one gets the lock', async (t) => {
  const path = await lockFile(t);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await writeFile(path, JSON.stringify({ pid, host: hostname(), began: '1' }));
  const results = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)));
  assert.equal(results.filter((result) => 'release' in result).length, 1);
});
