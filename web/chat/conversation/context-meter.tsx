/** How much of the model's context a conversation fills, and what to do when it is nearly or quite full. */
import type { JSX } from 'preact';
import { openNew } from '../app/keyboard.ts';
import { modelId, models } from '../store/connection.ts';
import { type Conversation, shownVariant, usedTokens, withoutOldest } from '../store/conversation.ts';
import { change, current } from '../store/conversations.ts';
import { regenerate, running } from '../store/generation.ts';
import { notifyFault } from '../store/notices.ts';

const NEARLY = 0.85;
/** Rough, and only for the time until the model's own count is there. */
const CHARACTERS_PER_TOKEN = 4;

/** Tokens in use, and how many there are. */
export interface Fill {
  readonly used: number;
  readonly length: number | undefined;
  /** The last reply was cut off, or refused, for want of room. */
  readonly isFull: boolean;
}

/** Of the open conversation; while a reply comes it is counted on from the one before. */
export function fillOf(conversation: Conversation | undefined): Fill {
  const length = models.value.find(({ id }) => id === modelId.value)?.contextLength;
  const last = conversation?.turns.at(-1);
  if (conversation === undefined || last?.role !== 'assistant') return { used: 0, length, isFull: false };
  const variant = shownVariant(last);
  const live = running.value?.variant.id === variant.id ? running.value : undefined;
  const counted = usedTokens(conversation);
  const used = counted ?? estimated(conversation) + (live?.count.value ?? 0);
  // The last token of a context is never computed on.
  const isCut = live === undefined && length !== undefined && used >= length - 1;
  return { used, length, isFull: isCut || variant.fault?.reason === 'context-full' };
}

function estimated(conversation: Conversation): number {
  const before = usedTokens({ ...conversation, turns: conversation.turns.slice(0, -2) }) ?? 0;
  const [question, reply] = conversation.turns.slice(-2);
  const texts = [
    question?.role === 'user' ? question.text : '',
    reply?.role === 'assistant' ? shownVariant(reply).text : '',
  ];
  return before + Math.ceil(texts.join('').length / CHARACTERS_PER_TOKEN);
}

/** A ring, and the numbers beside it. */
export function ContextMeter(): JSX.Element | null {
  const { used, length } = fillOf(current.value);
  if (length === undefined) return null;
  const share = Math.min(used / length, 1);
  const circumference = 2 * Math.PI * 7;
  return (
    <span
      class={share >= NEARLY ? 'context context-nearly' : 'context'}
      title={`This conversation fills ${used.toLocaleString('en')} of the model’s ${length.toLocaleString('en')} tokens of context`}
    >
      <svg viewBox="0 0 18 18" aria-hidden="true">
        <circle class="context-track" cx="9" cy="9" r="7" />
        <circle
          class="context-share"
          cx="9"
          cy="9"
          r="7"
          stroke-dasharray={`${share * circumference} ${circumference}`}
          transform="rotate(-90 9 9)"
        />
      </svg>
      <span>
        {used.toLocaleString('en')} / {length.toLocaleString('en')}
        <span class="wide-only"> tokens</span>
      </span>
    </span>
  );
}

/** Above the composer when there is little room, or none. */
export function ContextWarning(): JSX.Element | null {
  const conversation = current.value;
  const { used, length, isFull } = fillOf(conversation);
  if (conversation === undefined || length === undefined || running.value !== undefined) return null;
  if (!isFull && used < length * NEARLY) return null;
  const canLeaveOut = withoutOldest(conversation).start > conversation.start;
  return (
    <div class="context-warning" role="status">
      <p>
        {isFull || used >= length
          ? 'The model’s context is full: nothing more fits into this conversation.'
          : `The model’s context is nearly full: ${Math.round((used / length) * 100)} % of it is in use.`}
      </p>
      <div class="buttons">
        {canLeaveOut && (
          <button type="button" onClick={() => leaveOutOldest(conversation)}>
            Go on without the oldest messages
          </button>
        )}
        <button type="button" onClick={openNew}>
          New conversation
        </button>
      </div>
    </div>
  );
}

/** What the model no longer gets stays to be read; a message that did not fit is asked again. */
function leaveOutOldest(conversation: Conversation): void {
  const last = conversation.turns.at(-1);
  const wasRefused =
    last?.role === 'assistant' && shownVariant(last).fault?.reason === 'context-full' ? last.id : undefined;
  change(conversation.id, (found) => forgetCounts(withoutOldest(found)))
    .then(() => {
      if (wasRefused !== undefined) regenerate(wasRefused);
    })
    .catch(notifyFault);
}

/** The last count was of a longer conversation; until the next reply an estimate is nearer. */
function forgetCounts(conversation: Conversation): Conversation {
  const last = conversation.turns.at(-1);
  if (last?.role !== 'assistant') return conversation;
  const counted = usedTokens(conversation) ?? 0;
  const lengthOf = (turns: Conversation['turns']) =>
    turns.reduce((sum, turn) => sum + (turn.role === 'user' ? turn.text : shownVariant(turn).text).length, 0);
  const share =
    lengthOf(conversation.turns.slice(conversation.start)) / Math.max(lengthOf(conversation.turns), 1);
  const variants = last.variants.map((variant) =>
    variant.statistics?.promptTokens === undefined
      ? variant
      : {
          ...variant,
          statistics: {
            ...variant.statistics,
            finishReason: undefined,
            promptTokens: Math.max(Math.round(counted * share) - variant.statistics.generatedTokens, 0),
          },
        },
  );
  return { ...conversation, turns: [...conversation.turns.slice(0, -1), { ...last, variants }] };
}
