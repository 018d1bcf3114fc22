/** A process that downloads is killed without warning at fifty random moments; the file is right, and little came twice. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createRandom } from '#src/base/random.js';
import { openHub } from '#src/hub/open-hub.js';
import { fakeHub, noise, temporaryFolder } from './hub-for-test.ts';

const KILLS = 50;
const LENGTH = 64 * 2 ** 20;
/** Bytes that come between two kills at most: fifty times half of it do not make the file. */
const MOST_BETWEEN = 2 * 2 ** 20;
const CHILD = fileURLToPath(new URL('pull-child.js', import.meta.url));

test('fifty times kill -9', async (t) => {
  const fake = await fakeHub(t);
  const folder = await temporaryFolder(t);
  const bytes = noise(LENGTH);
  fake.add('owner/model', { 'model.gguf': bytes });
  fake.faults.bytesPerSecond = 8e6;
  const random = createRandom(20_261_122);
  const start = () => {
    const child = spawn(process.execPath, [CHILD], {
      env: { ...process.env, HF_ENDPOINT: fake.endpoint, HF_HUB_CACHE: folder, HF_TOKEN: '' },
    });
    let [output, isOver] = ['', false];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const ended = once(child, 'close').then(([status]) => {
      isOver = true;
      return { status: status as number | null, output };
    });
    return { child, ended, isOver: () => isOver };
  };
  const hub = await openHub({ folder });
  let kept = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, ended, isOver } = start();
    const before = fake.servedBytes();
    // One in ten dies before it has asked for anything.
    const isEarly = random.next() < 0.1;
    const until = isEarly ? 0 : Math.floor(random.next() * MOST_BETWEEN);
    if (isEarly) await delay(100 * random.next());
    else while (fake.servedBytes() - before <= until && !isOver()) await delay(1);
    assert.ok(!isOver(), `it ended by itself before kill ${kill}: ${isOver() && (await ended).output}`);
    child.kill('SIGKILL');
    await ended;
    const [half] = await hub.unfinished();
    assert.ok((half?.doneBytes ?? 0) >= kept, `${half?.doneBytes} of ${kept} bytes are left`);
    kept = half?.doneBytes ?? 0;
  }
  assert.ok(kept > LENGTH / 8, `only ${kept} bytes were kept by ${KILLS} attempts`);
  fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
  const { status, output } = await start().ended;
  assert.equal(status, 0, output);
  assert.ok((await readFile(output.trim())).equals(bytes));
  assert.ok(
    fake.servedBytes() < 2 * LENGTH,
    `${(fake.servedBytes() / LENGTH).toFixed(2)} times the file was served`,
  );
  t.diagnostic(`${(fake.servedBytes() / LENGTH).toFixed(2)} times the file was served`);
  assert.deepEqual(await hub.unfinished(), []);
});
