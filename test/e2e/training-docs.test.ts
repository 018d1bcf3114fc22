/** Runs the program of docs/training.md as a reader would, and has the same training go on where it was stopped. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createMemoryRunFolder, openTraining, type TrainingOptions } from '#src/index.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const programs = [...readFileSync(join(root, 'docs/training.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)];
// Inside the repository, so that `bitnet.ts` resolves to this very package.
const folder = mkdtempSync(join(root, 'build', 'training-docs-'));
after(() => rmSync(folder, { recursive: true }));

const content = 'The cat sat on the mat.\n'.repeat(60);
const recipe = {
  name: 'cats',
  steps: 6,
  tokenizer: { vocabularySize: 270 },
  model: { contextLength: 16, embeddingLength: 128, blockCount: 1, feedForwardLength: 128 },
  batch: { sequences: 2 },
};
const options = (more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  recipe,
  texts: [{ name: 'cats.txt', content }],
  folder: createMemoryRunFolder(),
  backend: 'wasm',
  threads: 0,
  ...more,
});

test('the program of the documentation trains a model and lets it speak', async () => {
  assert.equal(programs.length, 1);
  const file = join(folder, 'program.mjs');
  writeFileSync(file, programs[0]![1]!);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: root, timeout: 120_000 });
  const [first, second, ...text] = stdout.split('\n');
  const loss = (line: string | undefined) => Number(/^\d+ (\d\.\d+)$/.exec(line ?? '')?.[1]);
  assert.ok(loss(second) < loss(first), stdout);
  assert.match(text.join(''), /^ s/);
});

test('a run that was stopped goes on from its folder, to the same model', async () => {
  const whole = createMemoryRunFolder();
  const training = await openTraining(options({ folder: whole }));
  for await (const { step } of training.run()) assert.ok(step <= 6);
  assert.ok((await training.exportModel()).includes('cats.i2_s.gguf'));
  await training.dispose();

  const stopped = createMemoryRunFolder();
  const begun = await openTraining(options({ folder: stopped }));
  const abort = new AbortController();
  for await (const { step } of begun.run(abort.signal)) if (step === 3) abort.abort();
  assert.equal(begun.step, 3);
  await begun.dispose();
  // The same text as a file that was picked.
  const picked = [{ name: 'cats.txt', content: new File([content], 'cats.txt') }];
  const resumed = await openTraining(options({ folder: stopped, texts: picked }));
  assert.equal(resumed.step, 3);
  for await (const { step } of resumed.run()) assert.ok(step > 3);
  await resumed.exportModel();
  await resumed.dispose();
  assert.deepEqual(stopped.read('cats.i2_s.gguf'), whole.read('cats.i2_s.gguf'));
});

test('what cannot be trained is one sentence', async () => {
  const refused = async (more: Partial<TrainingOptions>, code: string, message: RegExp) =>
    assert.rejects(openTraining(options(more)), { code, message });
  await refused({ texts: [] }, 'train/bad-config', /names no text to train on/);
  await refused(
    { texts: [{ name: 'cats.doc', content }] },
    'train/bad-config',
    /"cats\.doc" has to be called/,
  );
  await refused({ texts: [{ name: 'cats.txt', content: '' }] }, 'train/empty-file', /^cats\.txt is empty/);
  await refused({ recipe: { ...recipe, data: [] } }, 'train/bad-config', /data is a list/);
  await refused({ recipe: { ...recipe, stepz: 1 } }, 'train/bad-config', /no field "stepz"/);
  const named = { tokenizer: { chatTemplate: 'chat.jinja' } };
  await refused({ recipe: { ...recipe, ...named } }, 'train/bad-config', /give what they hold/);
  await refused({ tokenizerJson: '{' }, 'tokenizer/bad-json', /tokenizer\.json/);
});
