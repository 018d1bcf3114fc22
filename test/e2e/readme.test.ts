/** Runs the JavaScript examples of README.md as programs, as a reader would. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```js( no-run)?\n(.*?)```/gs)];
// Inside the repository, so that `bitnet.ts` resolves to this very package.
const folder = mkdtempSync(join(root, 'build', 'readme-'));
after(() => rmSync(folder, { recursive: true }));

async function run(index: number): Promise<string> {
  const file = join(folder, `example-${index}.mjs`);
  writeFileSync(file, examples[index]![2]!);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: root, timeout: 120_000 });
  return stdout;
}

test('the README has three examples that run', () => {
  assert.deepEqual(
    examples.map((example) => example[1] === undefined),
    [true, true, true],
  );
});

test('the first example continues the text', async () => {
  assert.match(await run(0), /^(native|wasm)-[a-z0-9-]+ \d+ 5\n a [a-z]/);
});

test('the second example generates, scores and meets a full context', async () => {
  const lines = (await run(1)).trimEnd().split('\n');
  assert.match(lines.at(-4)!, /^(stop|length) \d+ [\d.]+$/);
  assert.equal(lines.at(-3), 'Once upon a time');
  assert.match(lines.at(-2)!, /^\d+ 1024 256$/);
  assert.match(lines.at(-1)!, /^\d+ 256$/);
  assert.match(lines[0]!, /^".*" \[ \d+ \] -[\d.]+$/);
});

test('the third example tells a tale and answers a question about it', async () => {
  const lines = (await run(2)).trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /\bLily\b.*\bkite\b/);
  assert.match(lines[1]!, /^Now Lily is \w+ the \w+\.$/);
  assert.equal(lines[2], '4');
});
