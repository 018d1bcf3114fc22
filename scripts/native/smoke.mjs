// @ts-check
/**
 * The whole program on arm64: every command but can-run once in an emulated processor, on the bundled model and on models that are
 * trained or made for it. What a command prints has to be what it prints on the processor underneath, letter by letter
 * where it computes: logits have the same bits everywhere.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROCESSORS } from './emulator.mjs';
import { ROOT, start } from './programs.mjs';

const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
const TALES = join(ROOT, 'models', 'tales', 'tales.i2_s.gguf');
const PROMPT = 'Once upon a time';
const GREEDY = ['-t', '0', '-n', '12', '--threads', '2'];
const CHAT = { input: 'Tell me a story about Lily.\nWhere is Lily?\n' };
/** wasm is asked for, so that nothing is said of compiled kernels that are not there. */
const HERE = { BITNET_MODEL: '', BITNET_NATIVE: '', BITNET_BACKEND: 'wasm' };
const THERE = { ...HERE, BITNET_BACKEND: '' };
const TRAINING = [
  ...['--vocabulary', '280', '--layers', '1', '--width', '128', '--feed-forward', '128', '--context', '16'],
  ...['--batch', '2', '--steps', '6', '--threads', '2', '--json'],
];

/** Tasks that add little to the others for the time they take: they compute in the same kernels. */
export const LONG_COMMANDS = ['perplexity and bench', 'models', 'convert', 'train, and run what was trained'];

/** @typedef {import('./programs.mjs').Surroundings} Surroundings */
/** @typedef {{ name: string, run: () => Promise<void> }} Task */

/**
 * One task a group of commands; they may run side by side.
 *
 * @param {ReturnType<typeof import('./emulator.mjs').findEmulator>} emulator
 * @returns {Task[]}
 */
export function smokeTasks(emulator) {
  /**
   * @param {string} processor
   * @param {readonly string[]} args
   * @param {Surroundings} [surroundings]
   */
  const begin = (processor, args, { env = {}, input = '' } = {}) => {
    const { command, args: emulated } = emulator(processor);
    return start(command, [...emulated, MAIN, ...args], { env: { ...THERE, ...env }, input });
  };
  /** @type {(processor: string, args: readonly string[], surroundings?: Surroundings) => Promise<string>} */
  const there = (processor, args, surroundings) => begin(processor, args, surroundings).ended;
  /** @type {(args: readonly string[], surroundings?: Surroundings) => Promise<string>} */
  const here = (args, { input = '' } = {}) =>
    start(process.execPath, [MAIN, ...args], { env: HERE, input }).ended;
  /** @type {(args: readonly string[], surroundings?: Surroundings) => Promise<void>} */
  const same = async (args, surroundings) => {
    const expected = await here(args, surroundings);
    assert.ok(expected.length > 0, args.join(' '));
    assert.equal(await there('cortex-a76', args, surroundings), expected, args.join(' '));
  };

  return [
    ...Object.entries(PROCESSORS).map(([variant, processor]) => ({
      name: `run on ${processor}`,
      run: async () => {
        const args = ['run', PROMPT, ...GREEDY, '--json'];
        const expected = JSON.parse(await here(args));
        const { text, tokens, backend } = JSON.parse(await there(processor, args));
        assert.deepEqual(
          { text, tokens, backend },
          { text: expected.text, tokens: expected.tokens, backend: variant },
        );
      },
    })),
    {
      name: 'run with WebAssembly',
      run: () => same(['run', PROMPT, ...GREEDY, '--backend', 'wasm']),
    },
    {
      name: 'version, inspect, tokenize',
      run: async () => {
        await same(['--version']);
        // How much memory it takes depends on the layout of the backend.
        const inspected = [await there('cortex-a76', ['inspect']), await here(['inspect'])];
        const [found, expected] = inspected.map((text) => text.replace(/^ +memory .*$/m, ''));
        assert.equal(found, expected);
        await same(['tokenize', PROMPT]);
      },
    },
    { name: 'chat', run: () => same(['chat', ...GREEDY], CHAT) },
    {
      name: 'perplexity and bench',
      run: () =>
        inFolder(async (folder) => {
          const text = join(folder, 'text.txt');
          writeFileSync(text, 'Once upon a time there was a girl who had a red kite.\n');
          const args = ['perplexity', text, '--json'];
          const { perplexity } = JSON.parse(await here(args));
          assert.ok(perplexity > 1);
          assert.equal(JSON.parse(await there('cortex-a72', args)).perplexity, perplexity);

          const bench = ['bench', '--prompt', '4', '--generate', '2', '--runs', '1', '--json'];
          assert.equal(JSON.parse(await there('cortex-a76', bench)).backend, 'native-dotprod');
        }),
    },
    {
      // But not can-run, which reads more memory than an emulator does in minutes.
      name: 'models',
      run: async () => assert.match(await there('cortex-a76', ['models']), /^2b4t .* (yes|no)/m),
    },
    {
      name: 'convert',
      run: () =>
        inFolder(async (folder) => {
          const outputs = ['there', 'here'].map((name) => join(folder, name));
          const args = outputs.map((out) => ['convert', TALES, out]);
          await Promise.all([there('cortex-a76', args[0] ?? []), here(args[1] ?? [])]);
          const [made, expected] = outputs.map((out) => readdirSync(out));
          assert.deepEqual(made, expected);
          for (const file of expected ?? []) {
            const [found, wanted] = outputs.map((out) => readFileSync(join(out, file)));
            assert.ok(found && wanted?.equals(found), `${file} differs`);
          }
        }),
    },
    { name: 'serve', run: () => serve(begin, here) },
    {
      name: 'train, and run what was trained',
      run: () =>
        inFolder(async (folder) => {
          const text = join(folder, 'text.txt');
          writeFileSync(
            text,
            'Mia saw the kite. Then Tom took the kite home. Ada saw the ball.\n'.repeat(60),
          );
          const out = join(folder, 'out');
          const lines = await there('cortex-a76', ['train', '--data', text, '--out', out, ...TRAINING]);
          const steps = lines
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
            .filter(({ kind }) => kind === 'step');
          assert.deepEqual(
            steps.map(({ loss }) => loss > 0 && loss < 20),
            Array(6).fill(true),
          );
          const run = ['run', join(out, 'text.i2_s.gguf'), 'Mia', ...GREEDY, '--json'];
          assert.deepEqual(
            JSON.parse(await there('cortex-a72', run)).tokens,
            JSON.parse(await here(run)).tokens,
          );
        }),
    },
  ];
}

/**
 * One request to a server, which is then told to end.
 *
 * @param {(processor: string, args: readonly string[]) => ReturnType<typeof start>} begin
 * @param {(args: readonly string[]) => Promise<string>} here
 */
async function serve(begin, here) {
  const { text } = JSON.parse(await here(['run', PROMPT, ...GREEDY, '--json']));
  const { child, output, ended } = begin('cortex-a76', ['serve', '--port', '0', '--threads', '2']);
  try {
    const url = await Promise.race([addressIn(output), ended.then(() => assert.fail('the server ended'))]);
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tales', prompt: PROMPT, max_tokens: 12, temperature: 0 }),
    });
    const answer = await response.text();
    assert.equal(response.status, 200, answer);
    assert.equal(JSON.parse(answer).choices[0].text, text);
  } finally {
    child.kill('SIGTERM');
  }
  await ended;
}

/** @param {{ all: string }} output */
async function addressIn(output) {
  for (;;) {
    const [url] = /http:\/\/[\w.:]+\d/.exec(output.all) ?? [];
    if (url !== undefined) return url;
    await sleep(100);
  }
}

/** @param {(folder: string) => Promise<void>} use */
async function inFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), 'bitnet-arm64-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
