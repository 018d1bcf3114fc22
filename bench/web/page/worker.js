// @ts-check
/** Measures a model by the code behind `bitnet bench`, once, after its seconds that do not count. */
import { measureModel } from '../../../dist/cli/bench/measure.js';
import { loadModel } from '../../../dist/index.js';

/** Tokens before a generation, as in `bitnet bench`. */
const SHORT_PROMPT = 16;

/** @param {{ prompt: number, generate: number, threads: number, backend: any }} job */
async function measure({ prompt, generate, threads, backend }) {
  const contextLength = Math.max(prompt, SHORT_PROMPT + generate);
  const model = await loadModel(new URL('/model.gguf', location.origin), { threads, contextLength, backend });
  const plan = {
    prompts: [prompt],
    generate,
    batches: [1],
    contexts: [SHORT_PROMPT],
    runs: 1,
    hasBreakdown: false,
  };
  const { promptRates, generations } = await measureModel(
    model,
    plan,
    new AbortController().signal,
    () => {},
  );
  return {
    prompt: promptRates.get(prompt)?.[0] ?? Number.NaN,
    generate: generations[0]?.rates[0] ?? Number.NaN,
    note: `${model.backend}, ${model.threads} threads`,
  };
}

globalThis.onmessage = ({ data }) => {
  measure(data).then(
    (answer) => postMessage(answer),
    (error) => postMessage({ error: String(error) }),
  );
};
