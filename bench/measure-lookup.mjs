#!/usr/bin/env node
// @ts-check
/**
 * Measures what prompt lookup gains on text that repeats its prompt and costs on text that does not, on any model.
 *
 *     node bench/measure-lookup.mjs MODEL [--runs 5] [--prompt 128] [--tokens 192] [--threads N] [--backend NAME] [--json]
 *
 * A model of random weights quotes nothing, so the text of most cases is given: every step, draft and draw of the sampler
 * is the one of a generation, and what the sampler drew is then replaced by the next token of the text. Steps cost the
 * same whatever the tokens are, so the speed is that of a model which writes that text:
 *
 *     quote    the prompt once more
 *     edit     the prompt once more, every 24th token another one
 *     random   tokens drawn evenly from the vocabulary
 *     babble   tokens drawn evenly from a dozen, so that drafts are always found and mostly wrong: the worst case
 *     free     what the model itself writes: an ordinary generation
 *
 * Runs with lookup on and off take turns; medians over the runs are printed, after one of each that does not count. What
 * the sampler draws, token for token, has to be the same with and without; otherwise it fails. Needs `npm run build`.
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../dist/base/random.js';
import { Lookahead } from '../dist/engine/generation/lookahead.js';
import { Sampler } from '../dist/engine/generation/sampler.js';
import { loadModel } from '../dist/engine/model.js';
import { Session } from '../dist/engine/session.js';
import { median } from './median.mjs';

/**
 * @typedef {import('../dist/engine/model.js').Model} Model
 * @typedef {{ rate: number, drawn: readonly number[], steps: number, drafted: number, accepted: number }} Run
 * @typedef {'auto' | 'off'} Mode
 */

const SEED = 20;
const EDIT_EVERY = 24;
const FEW_TOKENS = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    prompt: { type: 'string', default: '128' },
    tokens: { type: 'string', default: '192' },
    threads: { type: 'string' },
    backend: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const [runs, promptTokens, textTokens] = [values.runs, values.prompt, values.tokens].map(Number);
const source = positionals[0];
if (source === undefined || !(runs >= 1 && promptTokens >= 8 && textTokens >= 8)) {
  console.error('usage: node bench/measure-lookup.mjs MODEL [--runs 5] [--prompt 128] [--tokens 192]');
  process.exit(2);
}

const model = await loadModel(source, {
  contextLength: promptTokens + textTokens,
  ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
  ...(values.backend === undefined
    ? {}
    : { backend: /** @type {import('../dist/index.js').BackendName} */ (values.backend) }),
});
const random = createRandom(SEED);
const { vocabSize } = model.tokenizer;

/** @param {number} count @param {number} limit */
const drawTokens = (count, limit) => Array.from({ length: count }, () => random.below(limit));
const prompt = drawTokens(promptTokens, vocabSize);
const few = drawTokens(FEW_TOKENS, vocabSize);
/** The prompt over and over, for as long as the text is to be. */
const quote = Array.from({ length: textTokens }, (_, i) => prompt[i % promptTokens] ?? 0);
const edit = quote.map((id, i) => (i % EDIT_EVERY === EDIT_EVERY - 1 ? random.below(vocabSize) : id));

/** @type {Record<string, { prompt: readonly number[], text?: readonly number[] }>} */
const cases = {
  quote: { prompt, text: quote },
  edit: { prompt, text: edit },
  random: { prompt, text: drawTokens(textTokens, vocabSize) },
  babble: {
    prompt: drawTokens(promptTokens, FEW_TOKENS).map((i) => few[i] ?? 0),
    text: drawTokens(textTokens, FEW_TOKENS).map((i) => few[i] ?? 0),
  },
  free: { prompt },
};

/**
 * The loop of a generation, with a text that is given.
 *
 * @param {readonly number[]} start
 * @param {readonly number[]} text
 * @param {Mode} mode
 * @returns {Promise<Run>}
 */
async function runGiven(start, text, mode) {
  const session = new Session(model.engine);
  const sampler = new Sampler({ seed: SEED }, model.config.vocabularySize);
  const lookahead = new Lookahead(session, mode, () => performance.now());
  /** @param {readonly number[]} history */
  const request = (history) => ({ ...sampler.request(history), below: vocabSize });
  const tokens = [...start];
  const drawn = [];
  let begin = 0;
  for (const [i, id] of text.entries()) {
    const row = await lookahead.next(tokens, text.length - i, request);
    drawn.push(sampler.sample(row, tokens));
    tokens.push(id);
    if (i === 0) begin = performance.now();
  }
  const seconds = (performance.now() - begin) / 1000;
  session.dispose();
  const { decodeSteps, draftedTokens, acceptedTokens } = lookahead.counters;
  return {
    rate: (text.length - 1) / seconds,
    drawn,
    steps: decodeSteps,
    drafted: draftedTokens,
    accepted: acceptedTokens,
  };
}

/**
 * @param {readonly number[]} start
 * @param {Mode} lookup
 * @returns {Promise<Run>}
 */
async function runFree(start, lookup) {
  // Nothing is to end it early.
  const logitBias = Object.fromEntries([...model.tokenizer.stopIds].map((id) => [id, -Infinity]));
  const generation = model.generate(start, { seed: SEED, maxTokens: textTokens, lookup, logitBias });
  const drawn = [];
  for await (const piece of generation) drawn.push(...piece.tokens);
  const { result } = generation;
  if (result === undefined) throw new Error('a generation without a result');
  return {
    rate: (drawn.length - 1) / (result.seconds - result.firstTokenSeconds),
    drawn,
    steps: result.decodeSteps,
    drafted: result.draftedTokens,
    accepted: result.acceptedTokens,
  };
}

const report = [];
for (const [name, { prompt: start, text }] of Object.entries(cases)) {
  /** @param {Mode} mode */
  const run = (mode) => (text === undefined ? runFree(start, mode) : runGiven(start, text, mode));
  /** @type {Record<Mode, Run[]>} */
  const results = { off: [], auto: [] };
  for (let i = 0; i <= runs; i++) {
    /** @type {readonly Mode[]} */
    const order = i % 2 === 0 ? ['off', 'auto'] : ['auto', 'off'];
    for (const mode of order) {
      const result = await run(mode);
      if (i > 0) results[mode].push(result);
    }
  }
  const [off, auto] = [results.off, results.auto];
  const drawn = off[0]?.drawn.join();
  const isSame = [...off, ...auto].every((result) => result.drawn.join() === drawn);
  const last = /** @type {Run} */ (auto.at(-1));
  report.push({
    case: name,
    offTokensPerSecond: median(off.map(({ rate }) => rate)),
    autoTokensPerSecond: median(auto.map(({ rate }) => rate)),
    ratio: median(auto.map(({ rate }) => rate)) / median(off.map(({ rate }) => rate)),
    steps: last.steps,
    draftedTokens: last.drafted,
    acceptedTokens: last.accepted,
    isSame,
  });
}

const { backend, threads } = model;
if (values.json) {
  console.log(
    JSON.stringify({ model: source, backend, threads, runs, promptTokens, textTokens, cases: report }),
  );
} else {
  console.log(
    `${source}: ${backend}, ${threads} threads, ${promptTokens} + ${textTokens} tokens, ${runs} runs`,
  );
  console.log('case     off tok/s  auto tok/s   ratio  steps  drafted  accepted  same tokens');
  for (const row of report) {
    console.log(
      row.case.padEnd(8),
      row.offTokensPerSecond.toFixed(2).padStart(9),
      row.autoTokensPerSecond.toFixed(2).padStart(11),
      row.ratio.toFixed(3).padStart(7),
      String(row.steps).padStart(6),
      String(row.draftedTokens).padStart(8),
      String(row.acceptedTokens).padStart(9),
      row.isSame ? ' yes' : ' NO',
    );
  }
}
await model.dispose();
if (!report.every(({ isSame }) => isSame)) process.exitCode = 1;
