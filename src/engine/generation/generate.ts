/** The generation loop: get the logits after the tokens so far, sample, decode, watch for stops. */
import { BitnetError, ContextLengthExceeded } from '../../base/errors.ts';
import { createDecoder, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Session } from '../session.ts';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';
import { Lookahead, type LookupMode } from './lookahead.ts';
import { logSumExp, Sampler, type SamplingOptions, type TokenProbability, topTokens } from './sampler.ts';
import { StopStrings } from './stop-strings.ts';

/** What to do when the context is full: throw, end the generation, or forget the older half of the tokens. */
export type OverflowPolicy = 'error' | 'stop' | 'slide';

/** How text is generated. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to generate. Default: until the model stops or the context is full. */
  readonly maxTokens?: number;
  /** Text before which the generation ends; it may span tokens and is not part of the output. */
  readonly stop?: string | readonly string[];
  /** Adds log-probabilities to each piece: of its tokens, and of this many of the most likely ones (0 to 20). */
  readonly logprobs?: number;
  /** Default `error`: {@link ContextLengthExceeded} is thrown when the context is full. Never silent. */
  readonly overflow?: OverflowPolicy;
  /**
   * `auto` (the default) drafts tokens by looking up what followed the last ones earlier in the text, as far as that pays;
   * the output is the same as with `off`.
   */
  readonly lookup?: LookupMode;
  readonly signal?: AbortSignal;
}

/** A generated token with its log-probability under the model, and the most likely tokens in its place. */
export interface GeneratedToken extends TokenProbability {
  readonly text: string;
  readonly top: readonly (TokenProbability & { readonly text: string })[];
}

/** A part of the output. */
export interface Piece {
  /** Never ends within a character or within what may become a stop string; may be empty. */
  readonly text: string;
  /** The tokens since the last piece. */
  readonly tokens: readonly number[];
  /** Of the same tokens, when {@link GenerateOptions.logprobs} asks for it. */
  readonly logprobs?: readonly GeneratedToken[];
}

/** Why a generation ended: a stop token or string, `maxTokens`, or a full context under the policy `stop`. */
export type FinishReason = 'stop' | 'length' | 'context';

/** What a generation came to. */
export interface GenerationResult {
  readonly text: string;
  readonly finishReason: FinishReason;
  /** The stop string that was met. */
  readonly stopString?: string;
  readonly promptTokens: number;
  /** Prompt tokens that the session held already. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  /** Tokens for which all of a `fast` output head had to be read, since too many rows might have been the best. */
  readonly headFallbacks: number;
  /** Steps since the prompt's: as many as tokens after the first, or fewer where drafted tokens were right. */
  readonly decodeSteps: number;
  /** Tokens that were looked up in the text and computed ahead. */
  readonly draftedTokens: number;
  /** Those of them that the text went on with. */
  readonly acceptedTokens: number;
  /** Seconds until the first token was sampled. */
  readonly firstTokenSeconds: number;
  /** Seconds in all. */
  readonly seconds: number;
}

/**
 * Generates from `prompt`; the return value tells how it ended.
 *
 * @param clock milliseconds
 */
export async function* generateTokens(
  session: Session,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  options: GenerateOptions,
  clock: () => number = () => performance.now(),
): AsyncGenerator<Piece, GenerationResult, undefined> {
  const { vocabularySize } = session.engine.config;
  const sampler = new Sampler(options, vocabularySize);
  const stops = new StopStrings(typeof options.stop === 'string' ? [options.stop] : (options.stop ?? []));
  const decoder = createDecoder(tokenizer, { skipSpecial: true, continuation: true });
  const maxTokens = checkCount(
    'maxTokens',
    options.maxTokens ?? Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
  );
  const top = options.logprobs === undefined ? undefined : checkCount('logprobs', options.logprobs, 20);
  const overflow = options.overflow ?? 'error';
  checkChoice('overflow', overflow, OVERFLOW_POLICIES);
  const lookup = options.lookup ?? 'auto';
  checkChoice('lookup', lookup, LOOKUP_MODES);

  const start = clock();
  let tokens = fitPrompt(prompt, session.engine.contextLength, overflow, tokenizer);
  const promptTokens = tokens.length;
  const cachedTokens = session.commonPrefix(tokens);
  const lookahead = new Lookahead(session, lookup, clock);
  let text = '';
  let generated = 0;
  let headFallbacks = 0;
  let firstTokenSeconds = 0;
  const result = (finishReason: FinishReason): GenerationResult => ({
    text,
    finishReason,
    ...(stops.found === undefined ? {} : { stopString: stops.found }),
    promptTokens,
    cachedTokens,
    generatedTokens: generated,
    headFallbacks,
    ...lookahead.counters,
    firstTokenSeconds,
    seconds: (clock() - start) / 1000,
  });
  if (maxTokens === 0) return result('length');

  const request = (history: readonly number[]): LogitsRequest =>
    top === undefined ? { ...sampler.request(history), below: tokenizer.vocabSize } : {};
  for (;;) {
    const row = await lookahead.next(tokens, maxTokens - generated, request, options.signal);
    if (row.isFallback) headFallbacks++;
    const { logits } = row;
    const ranking = top === undefined ? undefined : { top: topTokens(logits, top), logits: logits.slice() };
    forbidFrom(row, tokenizer.vocabSize);
    const id = sampler.sample(row, tokens);
    if (generated === 0) firstTokenSeconds = (clock() - start) / 1000;
    generated++;
    tokens.push(id);

    const isStop = tokenizer.stopIds.has(id);
    let piece = isStop ? '' : stops.push(decoder.push(id));
    const isLast = isStop || stops.found !== undefined || generated === maxTokens;
    if (isLast && stops.found === undefined) piece += stops.push(decoder.flush()) + stops.flush();
    text += piece;
    yield {
      text: piece,
      tokens: [id],
      ...(ranking === undefined ? {} : { logprobs: [describe(tokenizer, id, ranking.logits, ranking.top)] }),
    };
    if (isStop || stops.found !== undefined) return result('stop');
    if (generated === maxTokens) return result('length');

    if (tokens.length > session.engine.contextLength) {
      if (overflow === 'slide') {
        tokens = slide(tokens, session.engine.contextLength, tokenizer);
        continue;
      }
      const rest = stops.push(decoder.flush()) + stops.flush();
      text += rest;
      if (rest !== '') yield { text: rest, tokens: [] };
      if (stops.found !== undefined) return result('stop');
      if (overflow === 'stop') return result('context');
      throw new ContextLengthExceeded(tokens.length, session.engine.contextLength);
    }
  }
}

/** Rows that only pad the embedding have no text. */
function forbidFrom({ logits, ids }: TokenLogits, first: number): void {
  const start = ids === undefined ? first : ids.findLastIndex((id) => id < first) + 1;
  logits.fill(Number.NEGATIVE_INFINITY, start);
}

const OVERFLOW_POLICIES: readonly OverflowPolicy[] = ['error', 'stop', 'slide'];
const LOOKUP_MODES: readonly LookupMode[] = ['auto', 'off'];

/** A copy of the prompt, checked against the context. */
function fitPrompt(
  prompt: readonly number[],
  contextLength: number,
  overflow: OverflowPolicy,
  tokenizer: Tokenizer,
): number[] {
  if (prompt.length <= contextLength) return [...prompt];
  if (overflow !== 'slide') throw new ContextLengthExceeded(prompt.length, contextLength);
  return slide(prompt, contextLength, tokenizer);
}

/** The newest tokens in half of the context, behind the beginning-of-text token if there was one. */
function slide(tokens: readonly number[], contextLength: number, tokenizer: Tokenizer): number[] {
  const head = tokens[0] === tokenizer.bosId ? tokens.slice(0, 1) : [];
  const keep = Math.max(1, Math.floor(contextLength / 2) - head.length);
  return [...head, ...tokens.slice(-keep)];
}

function describe(
  tokenizer: Tokenizer,
  id: number,
  logits: Float32Array,
  top: readonly TokenProbability[],
): GeneratedToken {
  const logprob = tokenLogProbability(logits, id);
  const textOf = (token: number) =>
    token < tokenizer.vocabSize ? tokenizer.decode([token], { continuation: true }) : '';
  return { id, text: textOf(id), logprob, top: top.map((token) => ({ ...token, text: textOf(token.id) })) };
}

/** ln p of one token. */
export function tokenLogProbability(logits: Float32Array, id: number): number {
  return logits[id]! - logSumExp(logits);
}

function checkChoice<T extends string>(name: string, value: T, choices: readonly T[]): void {
  if (choices.includes(value)) return;
  throw new BitnetError(`option/${name}`, `${name} is "${value}", and must be one of ${choices.join(', ')}`);
}

function checkCount(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new BitnetError(
    `option/${name}`,
    `${name} is ${value}, and must be a whole number from 0 to ${most}`,
  );
}
