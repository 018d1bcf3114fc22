/**
 * What would help where a model does not run, or only just: every piece of advice is an answer to a changed question, so
 * nothing is recommended that would not help on this machine.
 */
import type { Advice, FitAnswer, FitModel, FitQuestion, Machine } from './fit.ts';

/** Contexts are shortened to multiples of this, and not below it. */
const CONTEXT_STEP = 512;
/** Slower than people read. */
const SLOW_TOKENS_PER_SECOND = 5;
/** A long conversation that loses more than this is worth a word. */
const WORTHWHILE = 0.1;

interface Grounds {
  readonly machine: Machine;
  readonly others?: readonly FitModel[];
}

/** Answers a question about a model, without advice. */
type Answerer<G> = (model: FitModel, grounds: G, question: FitQuestion) => FitAnswer;

/** Advice on an answer. @param answer answers changed questions */
export function adviceFor<G extends Grounds>(given: FitAnswer, grounds: G, answer: Answerer<G>): Advice[] {
  if (given.memory === undefined) return otherModel(given, grounds, answer);
  const advice: Advice[] = [];
  if (given.verdict !== 'yes') {
    advice.push(...shorterContext(given, grounds, answer), ...smallerCache(given, grounds, answer));
    advice.push(...freeMemory(given, grounds.machine), ...otherBackend(given, grounds.machine));
  } else advice.push(...fasterCache(given, grounds, answer));
  const isSlow = (given.speed?.generation.value ?? Infinity) < SLOW_TOKENS_PER_SECOND;
  if (given.verdict === 'no' || isSlow) advice.push(...otherModel(given, grounds, answer));
  return advice;
}

function shorterContext<G extends Grounds>(given: FitAnswer, grounds: G, answer: Answerer<G>): Advice[] {
  const { model, question } = given;
  let [fits, tooLong] = [0, Math.ceil(question.contextLength / CONTEXT_STEP)];
  const isBetter = (steps: number) =>
    answer(model, grounds, { ...question, ...contextOf(steps, question) }).verdict === 'yes';
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (isBetter(middle)) fits = middle;
    else tooLong = middle;
  }
  if (fits === 0) return [];
  const context = fits * CONTEXT_STEP;
  return [
    { kind: 'context', sentence: `with a context of ${context} tokens it fits (--context ${context})` },
  ];
}

function contextOf(steps: number, { promptTokens }: FitQuestion): Partial<FitQuestion> {
  const contextLength = steps * CONTEXT_STEP;
  return { contextLength, promptTokens: Math.min(promptTokens, contextLength) };
}

function smallerCache<G extends Grounds>(given: FitAnswer, grounds: G, answer: Answerer<G>): Advice[] {
  const { model, question, memory } = given;
  if (question.kvCache === 'q8') return [];
  const smaller = answer(model, grounds, { ...question, kvCache: 'q8' });
  if (smaller.memory === undefined || smaller.verdict !== 'yes') return [];
  const saved = memory!.residentBytes - smaller.memory.residentBytes;
  return [
    {
      kind: 'kv-cache',
      sentence: `an 8-bit cache saves ${gigabytes(saved)}, and then it fits (--kv-cache q8)`,
    },
  ];
}

function fasterCache<G extends Grounds>(given: FitAnswer, grounds: G, answer: Answerer<G>): Advice[] {
  const { model, question, speed } = given;
  if (speed === undefined || question.kvCache === 'q8') return [];
  const smaller = answer(model, grounds, { ...question, kvCache: 'q8' });
  const [now, then] = [speed.generationAtEnd.value, smaller.speed?.generationAtEnd.value ?? 0];
  if (then < (1 + WORTHWHILE) * now) return [];
  return [
    {
      kind: 'kv-cache',
      sentence:
        `an 8-bit cache keeps long conversations faster: ${then.toFixed(1)} in place of ${now.toFixed(1)} tokens/s ` +
        'at the end of the context (--kv-cache q8)',
    },
  ];
}

function freeMemory({ memory, verdict }: FitAnswer, machine: Machine): Advice[] {
  const { availableMemoryBytes: free } = machine;
  if (verdict !== 'tight' || free === undefined) return [];
  const missing = memory!.residentBytes / 0.9 - free;
  return [
    { kind: 'free-memory', sentence: `closing programs that hold ${gigabytes(missing)} gives it room` },
  ];
}

function otherBackend({ memory }: FitAnswer, machine: Machine): Advice[] {
  const isLimit = memory!.plan.total > machine.addressableBytes && machine.backend.startsWith('wasm');
  if (!isLimit) return [];
  return [
    {
      kind: 'backend',
      sentence: 'native kernels in Node.js have no limit of 4 GiB (npx bitnet can-run there)',
    },
  ];
}

/** The largest model that does run, and fast enough to be read. */
function otherModel<G extends Grounds>(given: FitAnswer, grounds: G, answer: Answerer<G>): Advice[] {
  const size = ({ config }: FitModel) =>
    config.blockCount * config.embeddingLength * config.feedForwardLength;
  const running = (grounds.others ?? [])
    .filter((other) => other.name !== given.model.name)
    .map((other) => {
      const { contextLength } = other.config;
      const context = Math.min(given.question.contextLength, contextLength);
      const promptTokens = Math.min(given.question.promptTokens, context);
      return answer(other, grounds, { ...given.question, contextLength: context, promptTokens });
    })
    .filter(({ verdict, speed }) => {
      return verdict === 'yes' && (speed?.generation.value ?? Infinity) >= SLOW_TOKENS_PER_SECOND;
    })
    .sort((a, b) => size(b.model) - size(a.model));
  const best = running[0];
  if (best === undefined) return [];
  const speed = best.speed === undefined ? '' : `, about ${best.speed.generation.value.toFixed(0)} tokens/s`;
  return [
    {
      kind: 'other-model',
      sentence: `${best.model.name} runs here (${gigabytes(best.memory!.residentBytes)}${speed})`,
    },
  ];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 9.95e9 ? 2 : 1)} GB`;
}
