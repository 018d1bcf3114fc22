/** A sequence as text: tokens are decoded, stop strings end it, and text that may become one is held back. */
import { createDecoder, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { GeneratedToken } from '../generation/generate.ts';
import { StopStrings } from '../generation/stop-strings.ts';
import type { Scheduler } from './scheduler.ts';
import type { Sequence, SequenceOptions, SequenceProgress, TokenScore } from './sequence.ts';

/** How a text goes on from a prompt. */
export interface TextOptions extends Omit<SequenceOptions, 'stopIds' | 'below'> {
  /** Text before which it ends; it may span tokens and is not part of the output. */
  readonly stop?: readonly string[];
  /** Goes on behind the model's own stop tokens; default false. */
  readonly ignoreStopTokens?: boolean;
}

/** What happens in a text. */
export type TextEvent =
  /** `scores[i]` belongs to token i + 1 of the prompt. */
  | { readonly kind: 'prompt'; readonly scores: readonly GeneratedToken[] }
  | {
      readonly kind: 'text';
      /** Never ends within a character or within what may become a stop string; may be empty. */
      readonly text: string;
      /** The token since the last event; none where text that was held back follows the last one. */
      readonly id?: number;
      /** Where scores were asked for. */
      readonly score?: GeneratedToken;
    };

/** A text under way. To be iterated once; leaving the loop early cancels it. */
export interface TextStream extends AsyncIterable<TextEvent> {
  /** So far; its end is `stop` also where a stop string was met. */
  readonly progress: SequenceProgress;
  /** The stop string that was met. */
  readonly stopString: string | undefined;
}

/**
 * Continues a prompt.
 *
 * @throws at once and while iterating, as {@link Scheduler.submit}; BitnetError `option/stop`
 */
export function streamText(
  scheduler: Scheduler,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  options: TextOptions,
): TextStream {
  const { stop = [], ignoreStopTokens = false, ...rest } = options;
  const text = new TextOfTokens(tokenizer, ignoreStopTokens ? NO_IDS : tokenizer.stopIds, stop, options);
  const sequence = scheduler.submit(prompt, {
    ...rest,
    below: tokenizer.vocabSize,
    stopIds: text.stopIds,
    endsAt: (id) => text.push(id),
  });
  const events = eventsOf(sequence, tokenizer, text);
  return {
    get progress() {
      // A stop string may be found in what was held back when the sequence had ended already.
      return text.stopString === undefined
        ? sequence.progress
        : { ...sequence.progress, end: 'stop' as const };
    },
    get stopString() {
      return text.stopString;
    },
    [Symbol.asyncIterator]: () => events,
  };
}

const NO_IDS: ReadonlySet<number> = new Set();

/** Text is made as tokens are drawn, so that a stop string ends a sequence however late its reader is. */
class TextOfTokens {
  readonly stopIds: ReadonlySet<number>;
  readonly #decoder: ReturnType<typeof createDecoder>;
  readonly #stops: StopStrings;
  /** Of the tokens that were not read yet. */
  readonly #pieces: string[] = [];

  constructor(
    tokenizer: Tokenizer,
    stopIds: ReadonlySet<number>,
    stop: readonly string[],
    { constraint }: Pick<TextOptions, 'constraint'>,
  ) {
    this.stopIds = stopIds;
    this.#decoder = createDecoder(tokenizer, { skipSpecial: true, continuation: true });
    try {
      this.#stops = new StopStrings(stop);
    } catch (error) {
      constraint?.dispose();
      throw error;
    }
  }

  get stopString(): string | undefined {
    return this.#stops.found;
  }

  /** Takes a token; true when a stop string is complete with it. */
  push(id: number): boolean {
    this.#pieces.push(this.stopIds.has(id) ? '' : this.#stops.push(this.#decoder.push(id)));
    return this.#stops.found !== undefined;
  }

  /** The text that the next of the tokens made certain. */
  next(): string {
    return this.#pieces.shift()!;
  }

  /** What was held back until the end. */
  flush(): string {
    if (this.#stops.found !== undefined) return '';
    const rest = this.#stops.push(this.#decoder.flush());
    return this.#stops.found === undefined ? rest + this.#stops.flush() : rest;
  }
}

async function* eventsOf(
  sequence: Sequence,
  tokenizer: Tokenizer,
  text: TextOfTokens,
): AsyncGenerator<TextEvent, void, undefined> {
  for await (const event of sequence) {
    if (event.kind === 'prompt') {
      yield { kind: 'prompt', scores: event.scores.map((score) => withText(tokenizer, score)) };
      continue;
    }
    const score = event.score && withText(tokenizer, event.score);
    yield { kind: 'text', text: text.next(), id: event.id, ...(score && { score }) };
  }
  const rest = text.flush();
  if (rest !== '') yield { kind: 'text', text: rest };
}

function withText(tokenizer: Tokenizer, score: TokenScore): GeneratedToken {
  const textOf = (id: number) =>
    id < tokenizer.vocabSize ? tokenizer.decode([id], { continuation: true }) : '';
  return {
    ...score,
    text: textOf(score.id),
    top: score.top.map((token) => ({ ...token, text: textOf(token.id) })),
  };
}
