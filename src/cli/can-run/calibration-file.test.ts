/** The file of the local calibration: where it is, and that a damaged one is no trouble. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_CALIBRATION, withEntry } from '../../fit/calibration.ts';
import { calibrationPath, readCalibration, writeCalibration } from './calibration-file.ts';

async function temporaryPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-calibration-'));
  t.after(() => rm(folder, { recursive: true }));
  return calibrationPath({ XDG_STATE_HOME: folder });
}

const list = withEntry(NO_CALIBRATION, {
  processor: 'Example',
  backend: 'native-avx2',
  threads: 2,
  shape: 'a',
  size: 1,
  prefill: { predicted: 1, measured: 2 },
  generation: { predicted: 3, measured: 4 },
  time: 5,
});

test('what was written is read, and folders are made for it', async (t) => {
  const path = await temporaryPath(t);
  const notes: string[] = [];
  assert.deepEqual(await readCalibration(path, (note) => notes.push(note)), NO_CALIBRATION);
  await writeCalibration(path, NO_CALIBRATION);
  await writeCalibration(path, list);
  assert.deepEqual(await readCalibration(path, (note) => notes.push(note)), list);
  assert.deepEqual(notes, []);
});

test('a damaged file counts as none, with a sentence', async (t) => {
  const path = await temporaryPath(t);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '{"version":1,"entries":[{"threads":"two"}]}');
  const notes: string[] = [];
  assert.deepEqual(await readCalibration(path, (note) => notes.push(note)), NO_CALIBRATION);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /damaged/);
  assert.ok(existsSync(path), 'nothing is removed');
});

test('it lies in the folder for state of the user', () => {
  assert.match(calibrationPath({}), /bitnet\.ts[/\\]calibration\.json$/);
  const own = calibrationPath({ XDG_STATE_HOME: '/state' });
  assert.equal(own, join('/state', 'bitnet.ts', 'calibration.json'));
});
