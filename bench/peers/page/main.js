// @ts-check
/**
 * One round in a page: `globalThis.measure(job)` loads the model from the page's own server with one of the two engines
 * and answers with its rates. Ours is measured by the code behind `bitnet bench`; wllama by its own clock around prompt
 * and generation, which leaves out what passes between its worker and the page.
 */
import { measureModel } from '../../../dist/cli/bench/measure.js';
import { loadModel } from '../../../dist/index.js';

/** Tokens before a generation, as in `bitnet bench`. */
const SHORT_PROMPT = 16;
/** With a space before it, each is one token of the vocabularies of `bitnet make-random`. */
const WORDS = [...'bcdfghjklmnprstvwz'].flatMap((consonant) =>
  [...'aeiou'].map((vowel) => consonant + vowel),
);

/**
 * @typedef {import('../engines/job.mjs').Job} Job
 * @typedef {import('../engines/job.mjs').Round} Round
 */

/**
 * @param {Job} job
 * @returns {Promise<Round>}
 */
async function measureOurs({ prompts, generate, threads, backend }) {
  const options = { threads, contextLength: Math.max(...prompts, SHORT_PROMPT + generate) };
  const named = backend === undefined ? {} : { backend: /** @type {any} */ (backend) };
  const model = await loadModel(new URL('/model.gguf', location.href), { ...options, ...named });
  const plan = { prompts, generate, batches: [1], contexts: [SHORT_PROMPT], runs: 1, hasBreakdown: false };
  const samples = await measureModel(model, plan, new AbortController().signal, () => {});
  const rates = [...samples.promptRates].map(([length, values]) => [length, values[0]]);
  const note = `${model.backend}, ${model.threads} threads`;
  return {
    prompts: Object.fromEntries(rates),
    generate: samples.generations[0]?.rates[0] ?? Number.NaN,
    note,
  };
}

/**
 * @param {Job} job
 * @returns {Promise<Round>}
 */
async function measureWllama({ prompts, generate, threads }) {
  const address = '/wllama/index.js';
  const { Wllama, LoggerWithoutDebug } = await import(/* @vite-ignore */ address);
  const wllama = new Wllama(
    { default: '/wllama/wasm/wllama.wasm' },
    { suppressNativeLog: true, logger: LoggerWithoutDebug },
  );
  const blob = await (await fetch('/model.gguf')).blob();
  const longest = Math.max(...prompts, SHORT_PROMPT + generate);
  const context = { n_ctx: longest + 8, n_batch: 512, n_parallel: 1 };
  await wllama.loadModel([blob], { ...context, n_threads: threads, n_gpu_layers: 0, warmup: false });
  // The vocabulary's first token goes before every text by itself.
  const text = (/** @type {number} */ length) =>
    Array.from({ length: length - 1 }, (_, i) => ` ${WORDS[(i * 7 + length) % WORDS.length]}`).join('');
  const complete = async (/** @type {number} */ length, /** @type {number} */ tokens) => {
    const greedy = { temperature: 0, top_k: 1, samplers_sequence: ['top_k'], ignore_eos: true };
    const { timings, usage } = await wllama.createCompletion({
      prompt: text(length),
      max_tokens: tokens,
      ...greedy,
    });
    if (usage.prompt_tokens !== length || usage.completion_tokens !== tokens) {
      throw new Error(`asked for ${length} and ${tokens} tokens, and got ${JSON.stringify(usage)}`);
    }
    return timings;
  };
  await complete(SHORT_PROMPT - 1, 8);
  /** @type {Record<string, number>} */
  const rates = {};
  for (const length of prompts) rates[length] = (await complete(length, 1)).prompt_per_second;
  const generated = (await complete(SHORT_PROMPT, generate)).predicted_per_second;
  const note = `llama.cpp ${Wllama.getLibllamaVersion()}, ${wllama.getNumThreads()} threads`;
  return { prompts: rates, generate: generated, note };
}

/** @type {any} */ (globalThis).measure = (/** @type {Job} */ job) =>
  job.inPage === 'wllama' ? measureWllama(job) : measureOurs(job);
