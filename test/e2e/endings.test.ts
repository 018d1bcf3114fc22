/**
 * Programs that end, dispose or fail in the middle of a generation, on every kind of backend: none hangs or crashes, and
 * two models at once do not disturb each other. Native threads wait in code that the runtime cannot end by itself.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { usableBackends } from '../fixtures/usable-backends.ts';
import { type Ended, ROOT, runNode } from './run-process.ts';

const MODEL = join(ROOT, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
/** A program that still runs then hangs; where others keep the cores, threads that wait for each other take long. */
const HANGS_MS = 180_000;

/** Runs a module that has `load` for the bundled model on three threads and `endless` for a text without end. */
function program(backend: string, body: string): Promise<Ended> {
  const source = `
    import { loadModel } from 'bitnet.ts';
    const load = () => loadModel(${JSON.stringify(MODEL)}, { backend: '${backend}', threads: 3 });
    const endless = (model) => model.generate('Once', { maxTokens: 1e9, overflow: 'slide' });
    ${body}`;
  return runNode(['--input-type=module', '--eval', source], { timeout: HANGS_MS });
}

for (const backend of (await usableBackends()).main) {
  describe(backend, () => {
    test('process.exit in the middle of a generation ends the process with its status', async () => {
      const ended = await program(
        backend,
        `const model = await load();
        setTimeout(() => process.exit(7), 50);
        for await (const _ of endless(model));`,
      );
      assert.deepEqual(ended, { status: 7, stdout: '', stderr: '' });
    });

    test('so does an exception that nobody catches', async () => {
      const { status, stderr } = await program(
        backend,
        `const model = await load();
        setTimeout(() => { throw new Error('planted'); }, 50);
        for await (const _ of endless(model));`,
      );
      assert.equal(status, 1);
      assert.match(stderr, /Error: planted/);
    });

    test('dispose in the middle of a generation rejects it, and the process ends', async () => {
      const ended = await program(
        backend,
        `const model = await load();
        let disposed;
        setTimeout(() => { disposed = model.dispose(); }, 50);
        try { for await (const _ of endless(model)); } catch (error) { console.log(error.code); }
        await disposed;
        await model.dispose();`,
      );
      assert.deepEqual(ended, { status: 0, stdout: 'model/disposed\n', stderr: '' });
    });

    test('two models at once give the text of one, and a third after them', async () => {
      const { status, stdout, stderr } = await program(
        backend,
        `const write = (model) => model.generate('Once upon a time', { maxTokens: 40, seed: 3 }).text();
        const [one, two] = await Promise.all([load(), load()]);
        const texts = await Promise.all([write(one), write(two)]);
        await one.dispose();
        texts.push(await write(two));
        const three = await load();
        await two.dispose();
        texts.push(await write(three));
        console.log(JSON.stringify(texts));`,
      );
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
      const texts = JSON.parse(stdout) as string[];
      assert.equal(texts.length, 4);
      assert.ok(texts[0]!.length > 20);
      assert.equal(new Set(texts).size, 1, stdout);
    });
  });
}
