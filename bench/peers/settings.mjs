// @ts-check
/** The command line of `npm run bench:peers`. */
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What `--help` prints. */
export const HELP = `npm run bench:peers -- [OPTIONS]

Measures bitnet.ts against rivals that npm can install, on random models of one shape, in turns, and prints medians and
ratios as Markdown: node-llama-cpp on the shape of BitNet b1.58 2B4T, wllama in headless Chromium on four layers of it.

  --install            install the rivals into bench/peers/node_modules first, if they are not there
  --only NAME          one race: node or browser
  --runs N             rounds of each engine (default 3)
  --threads N          threads of each engine (default 2)
  --prompt N,N         lengths of the prompts in tokens (default 128,512)
  --generate N         tokens to generate behind a prompt of 16 (default 64)
  --shape NAME         the model of the race in Node.js (default 2b4t; mini for a quick look)
  --browser-shape NAME the model of the race in Chromium (default mini)
  --backend NAME       kernels of bitnet.ts in Node.js (default: the fastest)
  --dir FOLDER         where the models are made and kept, 4.5 GB (default: bitnet-peers in the system's temporary folder)
  --json FILE          also write everything measured
`;

/** @typedef {ReturnType<typeof readSettings>} Settings */

/** The command line, checked. @throws Error with a sentence for what means nothing */
export function readSettings() {
  const text = /** @type {const} */ ({ type: 'string' });
  const { values } = parseArgs({
    options: {
      install: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      only: text,
      runs: text,
      threads: text,
      prompt: text,
      generate: text,
      shape: text,
      'browser-shape': text,
      backend: text,
      dir: text,
      json: text,
    },
  });
  if (values.only !== undefined && !['node', 'browser'].includes(values.only)) {
    throw new Error(`--only is "${values.only}", and must be node or browser`);
  }
  return {
    isInstall: values.install === true,
    isHelp: values.help === true,
    only: values.only,
    runs: whole('runs', values.runs ?? '3'),
    threads: whole('threads', values.threads ?? '2'),
    prompts: (values.prompt ?? '128,512').split(',').map((length) => whole('prompt', length)),
    generate: whole('generate', values.generate ?? '64'),
    /** @type {Record<string, string | undefined>} */
    shapes: { node: values.shape, browser: values['browser-shape'] },
    backend: values.backend,
    folder: resolve(values.dir ?? join(tmpdir(), 'bitnet-peers')),
    json: values.json,
  };
}

/**
 * @param {string} name
 * @param {string} text
 */
function whole(name, text) {
  if (/^[1-9]\d{0,5}$/.test(text.trim())) return Number(text);
  throw new Error(`--${name} is "${text}", and must be whole numbers from 1 on`);
}
