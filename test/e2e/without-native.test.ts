/**
 * The program where the native kernels cannot run: everything works on wasm, and one line says why. And backends that are
 * asked for by name and cannot be had are refused in one sentence.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { after, describe, test } from 'node:test';
import { NATIVE_VARIANTS } from '#src/kernels/backend-name.js';
import { usableVariants } from '#src/kernels/native/load.js';
import { type Ended, MAIN, ROOT, runNode } from './run-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-without-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const MISSING = join(folder, 'missing.node');

function bitnet(args: readonly string[], env: NodeJS.ProcessEnv = {}, stdin = ''): Promise<Ended> {
  return runNode([MAIN, ...args], { env: { BITNET_NATIVE: MISSING, ...env }, stdin });
}

const RUN = ['run', 'Once upon a time', '-t', '0', '-n', '12'];
const BENCH = ['bench', '--prompt', '4', '--generate', '2', '--runs', '1'];
const NOTICE =
  /^bitnet: wasm-(relaxed|simd) computes, since what is faster does not run here \(native: [^\n]*\n$/;

describe('without a native module', () => {
  test('run gives the same text, and says on stderr once why it is slower', async () => {
    const { status, stdout, stderr } = await bitnet(RUN);
    assert.equal(status, 0);
    assert.match(stderr, NOTICE);
    assert.ok(stderr.includes(`there is no file ${MISSING}, which BITNET_NATIVE names`), stderr);
    const reference = await bitnet([...RUN, '--backend', 'reference']);
    assert.deepEqual(reference, { status: 0, stdout, stderr: '' });
  });

  test('nothing is said to who asked for wasm', async () => {
    const expected = (await bitnet(RUN)).stdout;
    for (const [args, env] of [
      [['--backend', 'wasm'], {}],
      [['--backend', 'wasm-simd'], {}],
      [[], { BITNET_BACKEND: 'wasm' }],
    ] as const) {
      assert.deepEqual(await bitnet([...RUN, ...args], env), { status: 0, stdout: expected, stderr: '' });
    }
  });

  test('with --stats it is one of the notes, and said once', async () => {
    const { stderr } = await bitnet([...RUN, '--stats']);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 2, stderr);
    assert.match(lines[0]!, /^wasm-/);
    assert.match(lines[1]!, /^note: wasm-\S+ computes, since .*native: there is no file/);
  });

  test('with --json it is in the notes and nowhere else', async () => {
    const text = join(ROOT, 'test', 'golden', 'tiny-tales', 'text.txt');
    for (const args of [RUN, ['perplexity', text, '--limit', '64'], BENCH]) {
      const { status, stdout, stderr } = await bitnet([...args, '--json']);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, args[0]);
      const { backend, notes } = JSON.parse(stdout) as { backend: string; notes: string[] };
      assert.match(backend, /^wasm-/);
      assert.equal(notes.length, 1);
      assert.match(notes[0]!, /native: there is no file/);
    }
  });

  test('chat, start, perplexity and bench say it once as well', async () => {
    const text = join(ROOT, 'test', 'golden', 'tiny-tales', 'text.txt');
    for (const [args, stdin] of [
      [['chat', '-n', '4'], 'The king\nThe queen\n'],
      [['start', '-n', '4'], ''],
      [['perplexity', text, '--limit', '64'], ''],
      [BENCH, ''],
      [[...BENCH, '--threads', '0,1', '--format', 'csv'], ''],
    ] as const) {
      const { status, stdout, stderr } = await bitnet(args, {}, stdin);
      assert.equal(status, 0, stderr);
      const said = `${stdout}${stderr}`.split('since what is faster does not run here').length - 1;
      assert.equal(said, 1, `${args.join(' ')}\n${stdout}\n${stderr}`);
    }
  });

  test('a file that is no module is said to be none', async () => {
    const file = join(folder, 'text.node');
    writeFileSync(file, 'no machine code\n');
    const { status, stdout, stderr } = await bitnet(RUN, { BITNET_NATIVE: file });
    assert.equal(status, 0);
    assert.ok(stdout.length > 10);
    assert.match(stderr, NOTICE);
    assert.ok(stderr.includes(`${file} cannot be loaded (`), stderr);
  });

  test('a package without one works', async () => {
    const copy = join(folder, 'package');
    mkdirSync(copy);
    const isWanted = (path: string) =>
      !path.startsWith(join(ROOT, 'dist', 'native')) && !/\.(map|test\.js|d\.ts)$/.test(path);
    cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true, filter: isWanted });
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'junction');
    const main = join(copy, 'dist', 'cli', 'main.js');
    const { status, stdout, stderr } = await runNode([main, ...RUN], { env: { BITNET_NATIVE: '' } });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, (await bitnet(RUN)).stdout);
    assert.match(stderr, NOTICE);
    assert.match(stderr, /there is no compiled module for \w+-\w+/);
    assert.ok(!stderr.includes(`${copy}${sep}`), 'no path that helps nobody');
  });
});

describe('a backend asked for by name', () => {
  test('that cannot be had is refused in one sentence with status 1', async () => {
    const usable = usableVariants();
    const names = NATIVE_VARIANTS.filter((name) => typeof usable !== 'object' || !usable.includes(name));
    assert.ok(names.length > 0, 'no processor has the instructions of two families');
    for (const [name, env] of [
      ...names.map((name) => [name, { BITNET_NATIVE: process.env.BITNET_NATIVE ?? '' }] as const),
      ['native-avx2', { BITNET_NATIVE: MISSING }],
      ['native-i8mm', { BITNET_NATIVE: MISSING }],
      ['native', { BITNET_NATIVE: MISSING }],
    ] as const) {
      const ended = await bitnet(RUN, { ...env, BITNET_BACKEND: name });
      assert.deepEqual({ status: ended.status, stdout: ended.stdout }, { status: 1, stdout: '' }, name);
      assert.match(ended.stderr, new RegExp(`^bitnet: the backend "${name}" does not work here \\(.+\\n$`));
      assert.deepEqual(await bitnet([...RUN, '--backend', name], env), ended);
    }
  });

  test('that is not known is refused with status 2', async () => {
    for (const [args, env, said] of [
      [[], { BITNET_BACKEND: 'native-avx1' }, 'BITNET_BACKEND is "native-avx1"'],
      [['--backend', 'gpu'], {}, '--backend is "gpu"'],
    ] as const) {
      const { status, stdout, stderr } = await bitnet([...RUN, ...args], env);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
      assert.ok(stderr.startsWith(`bitnet: ${said}`), stderr);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    }
  });

  test('is refused by the API with a code', async () => {
    const model = join(ROOT, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
    const script = `
      const { loadModel } = await import('bitnet.ts');
      await loadModel(${JSON.stringify(model)}).catch(({ name, code }) => console.log(name, code));`;
    const args = ['--input-type=module', '--eval', script];
    for (const [backend, code] of [
      ['native', 'backend/unavailable'],
      ['native-neon', 'backend/unavailable'],
      ['gpu', 'backend/unknown'],
    ] as const) {
      const ended = await runNode(args, { env: { BITNET_NATIVE: MISSING, BITNET_BACKEND: backend } });
      assert.deepEqual(ended, { status: 0, stdout: `BitnetError ${code}\n`, stderr: '' });
    }
  });
});
