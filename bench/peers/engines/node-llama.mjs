// @ts-check
/**
 * One round of node-llama-cpp in Node.js. Its plainest options: the prebuilt CPU build that it picks for this processor,
 * greedy sampling in C++, prompts evaluated without sampling, batches of 512, flash attention off (its default).
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { answer, job, SHORT_PROMPT } from './job.mjs';

const { model: modelPath, prompts, generate, threads } = job();
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const contextSize = Math.max(...prompts, SHORT_PROMPT + generate) + 8;
const context = await model.createContext({ contextSize, batchSize: 512, threads, sequences: 1 });
const sequence = context.getSequence();

/**
 * Ordinary tokens: those of single bytes, which every vocabulary here begins with.
 *
 * @param {number} count
 * @param {number} seed
 */
function tokens(count, seed) {
  const most = 127;
  return Array.from({ length: count }, (_, i) => /** @type {any} */ ((i * 31 + seed * 17) % most));
}

/** @param {number} count */
async function promptRate(count) {
  await sequence.clearHistory();
  const start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(count, count));
  return (1000 * count) / (performance.now() - start);
}

/** @param {number} count */
async function generationRate(count) {
  await sequence.clearHistory();
  let done = 0;
  let start = 0;
  const options = { temperature: 0, yieldEogToken: true };
  for await (const _ of sequence.evaluate(tokens(SHORT_PROMPT, 1), options)) {
    // The first token comes with the prompt.
    if (done === 0) start = performance.now();
    if (done++ === count) break;
  }
  if (done <= count) throw new Error(`it stopped after ${done} tokens`);
  return (1000 * count) / (performance.now() - start);
}

await promptRate(SHORT_PROMPT);
await generationRate(8);
/** @type {Record<string, number>} */
const rates = {};
for (const length of prompts) rates[length] = await promptRate(length);
answer({ prompts: rates, generate: await generationRate(generate), note: `${llama.buildType} llama.cpp` });
await llama.dispose();
