/**
 * What `bitnet bench` measures on a loaded model. Each time covers all that a user waits for in that phase: a prompt
 * from an empty session to the logits of its last token; a generated token from the sampler over embedding, layers and
 * head to the next logits. No stop token ends a measurement.
 */
import { createRandom } from '../../base/random.ts';
import { Sampler } from '../../engine/generation/sampler.ts';
import { Session } from '../../engine/session.ts';
import type { Model } from '../../index.ts';

/** What is to be measured. */
export interface BenchPlan {
  /** Prompt lengths in tokens, ascending. */
  readonly prompts: readonly number[];
  /** Tokens to generate, behind a prompt of {@link SHORT_PROMPT}. */
  readonly generate: number;
  readonly runs: number;
}

/** Every measured value, in the order of the runs. */
export interface BenchSamples {
  /** Tokens per second, by prompt length. */
  readonly promptRates: ReadonlyMap<number, readonly number[]>;
  /** Tokens per second. */
  readonly generationRates: readonly number[];
  /** Seconds from the shortest prompt to its first token. */
  readonly firstTokenSeconds: readonly number[];
}

/** Tokens before a generation. */
export const SHORT_PROMPT = 8;
/** Generated in the run that warms up; by then the hot loops are compiled. */
const WARM_UP_TOKENS = 8;

/** Tokens that the context has to hold for a plan. */
export function contextFor({ prompts, generate }: BenchPlan): number {
  return Math.max(...prompts, SHORT_PROMPT + generate);
}

/**
 * Measures a model, after a run over the shortest prompt that does not count.
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
  const { prompts, generate, runs } = plan;
  const shortest = prompts[0]!;
  const promptRates = new Map(prompts.map((length) => [length, [] as number[]]));
  const generationRates: number[] = [];
  const firstTokenSeconds: number[] = [];
  let done = 0;
  const total = 1 + runs * (prompts.length + 1);
  const step = () => onProgress(++done / total);

  await timePrompt(model, randomTokens(model, shortest, 0), signal);
  await timeGeneration(model, Math.min(generate, WARM_UP_TOKENS), 0, signal);
  step();
  for (let run = 1; run <= runs; run++) {
    for (const length of prompts) {
      const times = await timePrompt(model, randomTokens(model, length, run), signal);
      promptRates.get(length)!.push(length / times.seconds);
      if (length === shortest) firstTokenSeconds.push(times.firstTokenSeconds);
      step();
    }
    generationRates.push(generate / (await timeGeneration(model, generate, run, signal)));
    step();
  }
  return { promptRates, generationRates, firstTokenSeconds };
}

async function timePrompt(
  model: Model,
  tokens: readonly number[],
  signal: AbortSignal,
): Promise<{ seconds: number; firstTokenSeconds: number }> {
  const sampler = greedy(model);
  return withSession(model, async (session) => {
    const start = performance.now();
    const row = await session.next(tokens, sampler.request(tokens), signal);
    const seconds = secondsSince(start);
    sampler.sample(row, tokens);
    return { seconds, firstTokenSeconds: secondsSince(start) };
  });
}

/** Seconds for `count` tokens. */
async function timeGeneration(
  model: Model,
  count: number,
  seed: number,
  signal: AbortSignal,
): Promise<number> {
  const sampler = greedy(model);
  const tokens = randomTokens(model, SHORT_PROMPT, seed);
  return withSession(model, async (session) => {
    let row = await session.next(tokens, sampler.request(tokens), signal);
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      tokens.push(sampler.sample(row, tokens));
      row = await session.next(tokens, sampler.request(tokens), signal);
    }
    return secondsSince(start);
  });
}

/** Each measurement gets an empty session, as the first message of a conversation does. */
async function withSession<T>(model: Model, use: (session: Session) => Promise<T>): Promise<T> {
  const session = new Session(model.engine);
  try {
    return await use(session);
  } finally {
    session.dispose();
  }
}

function greedy(model: Model): Sampler {
  return new Sampler({ temperature: 0, seed: 0 }, model.config.vocabularySize);
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
