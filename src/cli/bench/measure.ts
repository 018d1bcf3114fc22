/**
 * What `bitnet bench` measures on a loaded model. Each time covers all that a user waits for in that phase: a prompt
 * from an empty session to the logits of its last token; a generated token from the sampler over embedding, layers and
 * head to the next logits. No stop token ends a measurement. Runs in browsers too, where bench/peers uses it.
 */
import { peakMemoryBytes, residentMemory } from '#platform';
import { createRandom } from '../../base/random.ts';
import type { Engine } from '../../engine/engine.ts';
import { Sampler } from '../../engine/generation/sampler.ts';
import { measureMemoryBandwidth, type PassProfile, profilePass } from '../../engine/measurements.ts';
import { Session } from '../../engine/session.ts';
import type { Model } from '../../index.ts';
import type { BenchPlan } from './plan.ts';
import { Sequences } from './sequences.ts';

/** Every measured value of one loaded model, in the order of the runs. */
export interface BenchSamples {
  /** Tokens per second, by prompt length. */
  readonly promptRates: ReadonlyMap<number, readonly number[]>;
  readonly generations: readonly GenerationSamples[];
  /** Seconds from the shortest prompt to its first token. */
  readonly firstTokenSeconds: readonly number[];
  /** Bytes per second that the threads read the weights with. */
  readonly memoryBandwidth: number;
  /** The most that the process had until then; undefined in browsers. */
  readonly peakMemoryBytes: number | undefined;
  /** Pages of files among what it had then; undefined where nobody tells. */
  readonly fileMemoryBytes: number | undefined;
  readonly breakdown?: { readonly prefill: PassProfile; readonly decode: PassProfile };
}

/** Generations with one number of sequences, behind one length. */
export interface GenerationSamples {
  readonly batch: number;
  /** Tokens in the cache before the first was generated. */
  readonly context: number;
  /** Tokens per second of all sequences together. */
  readonly rates: readonly number[];
}

/**
 * Seconds of runs that do not count, and tokens of each. Where steps take a millisecond, what the runtime does between them
 * gets twice as fast within the first thousand steps, as it is compiled.
 */
const WARM_UP_SECONDS = 2.5;
const WARM_UP_TOKENS = 64;

/**
 * Measures a model, after runs over the shortest prompt that do not count. Prompts and generations take turns, so
 * that a machine that slows down slows all of them.
 *
 * @param onProgress called with the share of the work that is done
 * @throws as Session.sync; the signal's reason
 */
export async function measureModel(
  model: Model,
  plan: BenchPlan,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<BenchSamples> {
  const { engine } = model;
  const { prompts, generate, runs, batches } = plan;
  const starts = [
    ...new Set(plan.contexts.map((context) => startOf(context, generate, engine.contextLength))),
  ];
  const cases = starts.flatMap((context) =>
    batches.map((batch) => ({ batch, context, rates: [] as number[] })),
  );
  const [longest, most] = [Math.max(...starts), Math.max(...batches)];
  const promptRates = new Map(prompts.map((length) => [length, [] as number[]]));
  const firstTokenSeconds: number[] = [];

  const perRun = prompts.reduce((sum, length) => sum + length, 0) + cases.length * generate;
  const onTokens = counter(onProgress, longest + runs * perRun);
  const sequences = new Sequences(engine, most, randomTokens(model, longest, 0));
  try {
    await sequences.fill(signal, onTokens);
    const start = performance.now();
    do {
      await timePrompt(model, randomTokens(model, prompts[0]!, 0), signal);
      for (const { batch, context } of cases) {
        await sequences.decode(batch, context, Math.min(generate, WARM_UP_TOKENS), signal);
      }
    } while (secondsSince(start) < WARM_UP_SECONDS);
    for (let run = 1; run <= runs; run++) {
      for (const [i, length] of prompts.entries()) {
        const times = await timePrompt(model, randomTokens(model, length, run), signal);
        promptRates.get(length)!.push(length / times.seconds);
        if (i === 0) firstTokenSeconds.push(times.firstTokenSeconds);
        onTokens(length);
      }
      for (const { batch, context, rates } of cases) {
        rates.push((batch * generate) / (await sequences.decode(batch, context, generate, signal)));
        onTokens(generate);
      }
    }
    // Before the bandwidth, which takes memory of its own for a small model.
    const peakMemory = peakMemoryBytes();
    const { fileBytes } = residentMemory();
    const memoryBandwidth = await measureMemoryBandwidth(engine, signal);
    const samples = {
      promptRates,
      generations: cases,
      firstTokenSeconds,
      memoryBandwidth,
      peakMemoryBytes: peakMemory,
      fileMemoryBytes: fileBytes,
    };
    if (!plan.hasBreakdown) return samples;
    const first = cases[0]!;
    const breakdown = {
      prefill: await profilePass(engine, () =>
        timePrompt(model, randomTokens(model, prompts.at(-1)!, 1), signal),
      ),
      decode: await profilePass(engine, () => sequences.decode(first.batch, first.context, generate, signal)),
    };
    return { ...samples, breakdown };
  } finally {
    sequences.dispose();
  }
}

/** Tokens before a generation of `generate` with room for `contextLength`: `context`, or what leaves room. */
export function startOf(context: number, generate: number, contextLength: number): number {
  return Math.max(1, Math.min(context, contextLength - generate));
}

function counter(onProgress: (share: number) => void, total: number): (tokens: number) => void {
  let done = 0;
  return (tokens) => {
    done += tokens;
    onProgress(Math.min(1, done / total));
  };
}

async function timePrompt(
  model: Model,
  tokens: readonly number[],
  signal: AbortSignal,
): Promise<{ seconds: number; firstTokenSeconds: number }> {
  const sampler = new Sampler({ temperature: 0, seed: 0 }, model.config.vocabularySize);
  return withSession(model.engine, async (session) => {
    const start = performance.now();
    const row = await session.next(tokens, sampler.request(tokens), signal);
    const seconds = secondsSince(start);
    sampler.sample(row, tokens);
    return { seconds, firstTokenSeconds: secondsSince(start) };
  });
}

/** Each prompt gets an empty session, as the first message of a conversation does. */
async function withSession<T>(engine: Engine, use: (session: Session) => Promise<T>): Promise<T> {
  const session = new Session(engine);
  try {
    return await use(session);
  } finally {
    session.dispose();
  }
}

/** Ordinary tokens, the same in every benchmark of a vocabulary. */
function randomTokens({ tokenizer }: Model, count: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    let id = random.below(tokenizer.vocabSize);
    // A vocabulary of nothing else does not exist, but must not hang us.
    for (let i = 0; i < 100 && tokenizer.isSpecial(id); i++) id = random.below(tokenizer.vocabSize);
    return id;
  });
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
