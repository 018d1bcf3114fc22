#!/usr/bin/env node
// @ts-check
/**
 * Whether models that training exports run in llama.cpp and say the same there: greedy continuations by bitnet.ts and by
 * node-llama-cpp, which `npm run bench:peers -- --install` installs, token by token. Exits with 1 when they differ
 * anywhere but where the two best tokens are nearly as likely as each other: llama.cpp rounds activations otherwise, in
 * blocks of 256.
 *
 *     node bench/peers/check-export.mjs                        models with random weights, exported to a temporary folder
 *     node bench/peers/check-export.mjs tales.tq2_0.gguf       files that it is given (no I2_S, which llama.cpp lacks)
 *     node bench/peers/check-export.mjs tales.tq2_0.gguf "Once upon a time"
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setup } from '../../scripts/setup.mjs';
import { areInstalled, installNotice } from './install.mjs';

const TOKENS = 40;
/** Nats between the best two tokens, below which either may come first. */
const NEAR = 0.1;
const PROMPTS = ['Once upon a time', 'The king said to his daughter', 'In the forest there lived'];

/**
 * What comes after a prompt, as its first tokens and how sure each one was.
 *
 * @typedef {{ prompt: number[], tokens: number[], margins: number[] }} Continuation
 */

/**
 * @param {string} path
 * @param {readonly string[]} prompts
 * @returns {Promise<Continuation[]>}
 */
async function ourContinuations(path, prompts) {
  const { loadModel } = await import('../../dist/index.js');
  const model = await loadModel(path, { threads: 0 });
  const all = [];
  for (const text of prompts) {
    const prompt = model.tokenizer.encode(text, { parseSpecial: true });
    /** @type {Continuation} */
    const one = { prompt, tokens: [], margins: [] };
    const options = { temperature: 0, maxTokens: TOKENS, logprobs: 2 };
    for await (const { tokens, logprobs } of model.generate(prompt, options)) {
      one.tokens.push(...tokens);
      for (const { top } of logprobs ?? []) one.margins.push((top[0]?.logprob ?? 0) - (top[1]?.logprob ?? 0));
    }
    all.push(one);
  }
  await model.dispose();
  return all;
}

/**
 * Continues our tokens of each prompt in the other engine, after checking that its own tokenizer gives the same ones.
 *
 * @param {string} path
 * @param {readonly string[]} prompts
 * @param {readonly Continuation[]} ours
 * @returns {Promise<number[][]>}
 */
async function theirTokens(path, prompts, ours) {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    // Its threads wait for each other by spinning, which takes for ever on a machine that has other work.
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const context = await model.createContext({ contextSize: 128, threads: 1, sequences: 1 });
  const sequence = context.getSequence();
  const all = [];
  for (const [i, { prompt }] of ours.entries()) {
    const own = [...model.tokenize(prompts[i] ?? '', true)];
    if (model.tokens.shouldPrependBosToken && model.tokens.bos !== null) own.unshift(model.tokens.bos);
    if (own.join() !== prompt.join())
      throw new Error(`its tokens of "${prompts[i]}" are ${own}, ours ${prompt}`);
    await sequence.clearHistory();
    /** @type {number[]} */
    const tokens = [];
    for await (const token of sequence.evaluate(/** @type {any} */ (prompt), { temperature: 0 })) {
      tokens.push(token);
      if (tokens.length === TOKENS) break;
    }
    all.push(tokens);
  }
  await llama.dispose();
  return all;
}

/**
 * @param {string} path
 * @param {readonly string[]} prompts
 * @returns {Promise<boolean>} whether they say the same
 */
async function check(path, prompts) {
  const ours = await ourContinuations(path, prompts);
  const theirs = await theirTokens(path, prompts, ours);
  let isSame = true;
  for (const [i, { tokens, margins }] of ours.entries()) {
    const other = theirs[i] ?? [];
    const length = Math.max(tokens.length, other.length);
    const at = Array.from({ length }, (_, t) => t).find((t) => tokens[t] !== other[t]);
    const different = new Set(tokens).size;
    const heading = `${basename(path)}, "${prompts[i]}":`;
    if (at === undefined) {
      console.log(`${heading} the same ${length} tokens, ${different} different ones`);
      continue;
    }
    const margin = margins[at] ?? Number.POSITIVE_INFINITY;
    const verdict = margin < NEAR ? 'a near tie' : 'WRONG';
    console.log(
      `${heading} the same ${at} tokens, then another one ${margin.toFixed(4)} nats away: ${verdict}`,
    );
    isSame &&= margin < NEAR;
  }
  return isSame;
}

/**
 * Exports a model of each family that llama.cpp computes as it was trained, ternary and dense, and converts the ternary
 * ones' master weights to every type that llama.cpp has.
 *
 * @param {string} folder
 * @returns {Promise<string[]>}
 */
async function makeModels(folder) {
  const { randomTrained, TOKENIZER_JSON, END_OF_TEXT } = await import(
    '../../build/test/fixtures/random-trained-model.js'
  );
  const { createMemoryRunFolder } = await import('../../dist/train/memory-run-folder.js');
  const { exportModel } = await import('../../dist/train/export/export-model.js');
  const { planConversion } = await import('../../dist/convert/convert.js');
  const { openModel } = await import('../../dist/model/open.js');
  const tokenizer = { tokenizerJson: TOKENIZER_JSON, bosToken: END_OF_TEXT, eosToken: END_OF_TEXT };
  const paths = [];
  for (const architecture of ['bitnet', 'llama']) {
    for (const [precision, format] of /** @type {const} */ ([
      ['ternary', 'tq2_0'],
      ['f32', 'f16'],
    ])) {
      const model = randomTrained({ architecture, precision, isExact: true });
      const run = createMemoryRunFolder();
      const options = { name: `${architecture}-${precision}`, tokenizer, formats: [format] };
      for (const file of await exportModel(run, model, options)) {
        const path = join(folder, file);
        writeFileSync(path, run.read(file) ?? '');
        paths.push(path);
      }
      if (precision === 'f32') continue;
      await exportModel(run, model, { ...options, formats: ['huggingface'] });
      for (const projections of /** @type {const} */ (['TQ1_0', 'TQ2_0', 'F16'])) {
        const opened = await openModel({ name: options.name, open: (name) => run.open(`model/${name}`) });
        const target = /** @type {const} */ ({ format: 'gguf', projections });
        const { files } = await planConversion(opened, { target });
        const path = join(folder, `${options.name}-converted-${projections}.gguf`);
        /** @type {Uint8Array[]} */
        const parts = [];
        await files[0]?.write(async (bytes) => void parts.push(bytes.slice()));
        writeFileSync(path, Buffer.concat(parts));
        paths.push(path);
      }
    }
  }
  return paths;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  if (!areInstalled()) {
    console.error(
      `node-llama-cpp is not installed; npm run bench:peers -- --install installs ${installNotice()}`,
    );
    return 1;
  }
  const [path, ...prompts] = process.argv.slice(2);
  await setup({ tests: path === undefined });
  if (path !== undefined) return (await check(path, prompts.length > 0 ? prompts : PROMPTS)) ? 0 : 1;
  const folder = mkdtempSync(join(tmpdir(), 'bitnet-check-export-'));
  try {
    let areSame = true;
    for (const made of await makeModels(folder)) areSame = (await check(made, PROMPTS)) && areSame;
    return areSame ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exitCode = await main();
