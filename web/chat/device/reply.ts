/** A reply of the model in the worker, drawn as the server draws it: the same text for the same seed. */
import type { GeneratedToken, Model } from 'bitnet.ts';
import type { ReplyDelta, ReplyEnd, ReplyRequest, TokenChoice, TokenDetail } from '../transport/transport.ts';
import type { DeviceTotals } from './loaded-model.ts';

/** Of the most likely tokens in a token's place. */
const ALTERNATIVES = 5;
/** Tokens that come faster than this are told together. */
const BATCH_MILLISECONDS = 30;

/**
 * Generates, and tells as it goes.
 *
 * @param start when it was asked for, by performance.now()
 * @throws as Model.encodeChat and Model.generate; the signal's reason
 */
export async function replyTo(
  model: Model,
  totals: DeviceTotals,
  { messages, sampling, hasDetails }: ReplyRequest,
  start: number,
  tell: (delta: ReplyDelta) => void,
  signal: AbortSignal,
): Promise<ReplyEnd> {
  const { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens } = sampling;
  const seconds = () => (performance.now() - start) / 1000;
  const prompt = model.encodeChat(messages.map(({ role, content }) => ({ role, content })));
  const pieces = model.generateFrom(prompt, {
    temperature,
    // The sampler has no 0; the smallest positive share leaves the most likely token alone, too.
    topP: Math.max(topP, Number.MIN_VALUE),
    topK,
    minP,
    repetitionPenalty,
    ...(seed !== undefined && { seed }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(hasDetails && { logprobs: ALTERNATIVES }),
    overflow: 'stop',
    signal,
  });
  const batch = new Batch(tell);
  let firstTokenSeconds: number | undefined;
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done) {
        const { finishReason, promptTokens, cachedTokens, generatedTokens } = next.value;
        batch.flush();
        totals.promptTokens += promptTokens - cachedTokens;
        totals.cachedTokens += cachedTokens;
        return {
          finishReason: finishReason === 'stop' ? 'stop' : 'length',
          promptTokens,
          cachedTokens,
          generatedTokens,
          firstTokenSeconds: firstTokenSeconds ?? seconds(),
          seconds: seconds(),
        };
      }
      if (firstTokenSeconds === undefined) {
        firstTokenSeconds = seconds();
        totals.contextTokens = prompt.length;
      }
      const { text, tokens: ids, logprobs = [] } = next.value;
      totals.generatedTokens += ids.length;
      totals.contextTokens += ids.length;
      // The token that ends a reply is no part of it.
      const isShown = (id: number) => !model.tokenizer.stopIds.has(id);
      const details = logprobs.filter(({ id }) => isShown(id)).map(detailOf);
      batch.add({ text, count: ids.filter(isShown).length, tokens: details });
    }
  } finally {
    batch.discard();
  }
}

function detailOf({ text, logprob, top }: GeneratedToken): TokenDetail {
  return { text, logprob, alternatives: top.map(choiceOf) };
}

function choiceOf({ text, logprob }: TokenChoice): TokenChoice {
  return { text, logprob };
}

/** Tells the first token at once and later ones every few milliseconds, so that the page is not woken for each. */
class Batch {
  readonly #tell: (delta: ReplyDelta) => void;
  #text = '';
  #count = 0;
  #tokens: TokenDetail[] = [];
  #told = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (delta: ReplyDelta) => void) {
    this.#tell = tell;
  }

  add({ text, count, tokens }: ReplyDelta): void {
    this.#text += text;
    this.#count += count;
    this.#tokens.push(...tokens);
    const wait = this.#told + BATCH_MILLISECONDS - performance.now();
    if (wait <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  flush(): void {
    this.discard();
    if (this.#text === '' && this.#count === 0) return;
    this.#tell({ text: this.#text, count: this.#count, tokens: this.#tokens });
    this.#text = '';
    this.#count = 0;
    this.#tokens = [];
    this.#told = performance.now();
  }

  /** Tells nothing by itself any more. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
