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
  const stops = new StopStrings(stop);
  const stopIds: ReadonlySet<number> = ignoreStopTokens ? new Set() : tokenizer.stopIds;
  const sequence = scheduler.submit(prompt, { ...rest, below: tokenizer.vocabSize, stopIds });
  const events = textOf(sequence, tokenizer, stops, stopIds);
  return {
    get progress() {
      return stops.found === undefined ? sequence.progress : { ...sequence.progress, end: 'stop' as const };
    },
    get stopString() {
      return stops.found;
    },
    [Symbol.asyncIterator]: () => events,
  };
}

async function* textOf(
  sequence: Sequence,
  tokenizer: Tokenizer,
  stops: StopStrings,
  stopIds: ReadonlySet<number>,
): AsyncGenerator<TextEvent, void, undefined> {
  const decoder = createDecoder(tokenizer, { skipSpecial: true, continuation: true });
  for await (const event of sequence) {
    if (event.kind === 'prompt') {
      yield { kind: 'prompt', scores: event.scores.map((score) => withText(tokenizer, score)) };
      continue;
    }
    const text = stopIds.has(event.id) ? '' : stops.push(decoder.push(event.id));
    const score = event.score && withText(tokenizer, event.score);
    yield { kind: 'text', text, id: event.id, ...(score && { score }) };
    if (stops.found !== undefined) return;
  }
  const rest = stops.push(decoder.flush());
  const text = stops.found === undefined ? rest + stops.flush() : rest;
  if (text !== '') yield { kind: 'text', text };
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
