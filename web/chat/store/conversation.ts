/**
 * A conversation as data, and what can be done to one: each function returns a new conversation and changes nothing. It
 * alternates between the user's turns and replies; a reply has a variant for each time that it was generated.
 */
import { randomId } from '../../shared/random-id.ts';
import type { ChatMessage, ReplyEnd, TransportError } from '../transport/transport.ts';

/** What became of a reply; `running` in a stored one means that the page was closed meanwhile. */
export type VariantState = 'running' | 'complete' | 'stopped' | 'failed' | 'interrupted';

/** What is known of how a reply was made; a reply that was stopped has no count of its prompt. */
export interface Statistics {
  readonly finishReason: ReplyEnd['finishReason'] | undefined;
  readonly promptTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly generatedTokens: number;
  readonly firstTokenSeconds: number | undefined;
  readonly tokensPerSecond: number | undefined;
}

/** Why a reply failed. */
export interface Fault {
  readonly reason: TransportError['reason'];
  readonly message: string;
}

/** A reply as it came out one time. */
export interface Variant {
  readonly id: string;
  readonly text: string;
  readonly state: VariantState;
  readonly fault: Fault | undefined;
  readonly statistics: Statistics | undefined;
  /** Which model made it, and where. */
  readonly model: string;
  readonly place: 'server' | 'device';
}

/** What the user said. */
export interface UserTurn {
  readonly role: 'user';
  readonly id: string;
  readonly text: string;
}

/** What a model answered. */
export interface ReplyTurn {
  readonly role: 'assistant';
  readonly id: string;
  readonly variants: readonly Variant[];
  /** Index of the one that is shown, and that the conversation goes on from. */
  readonly shown: number;
}

export type Turn = UserTurn | ReplyTurn;

/** What a list of conversations shows. */
export interface Summary {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
}

/** See the file's header. */
export interface Conversation extends Summary {
  readonly createdAt: number;
  /** The user named it, so nothing else does. */
  readonly isNamed: boolean;
  readonly turns: readonly Turn[];
  /** Index of the first turn that the model still gets; those before were left out when the context was full. */
  readonly start: number;
}

const TITLE_LENGTH = 60;

/** A conversation without turns. */
export function emptyConversation(): Conversation {
  const now = Date.now();
  return {
    id: randomId(),
    title: 'New conversation',
    createdAt: now,
    updatedAt: now,
    isNamed: false,
    turns: [],
    start: 0,
  };
}

/** The first line of a message, cut between words. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]?.replace(/\s+/g, ' ') ?? '';
  if (line.length <= TITLE_LENGTH) return line === '' ? 'New conversation' : line;
  const cut = line.slice(0, TITLE_LENGTH);
  const space = cut.lastIndexOf(' ');
  return `${cut.slice(0, space > TITLE_LENGTH / 2 ? space : TITLE_LENGTH)}…`;
}

/** With a message of the user behind the turns, and an empty reply behind that. */
export function withMessage(conversation: Conversation, text: string, variant: Variant): Conversation {
  const message: UserTurn = { role: 'user', id: randomId(), text };
  const reply: ReplyTurn = { role: 'assistant', id: randomId(), variants: [variant], shown: 0 };
  const isFirst = conversation.turns.length === 0 && !conversation.isNamed;
  return touched({
    ...conversation,
    title: isFirst ? titleOf(text) : conversation.title,
    turns: [...conversation.turns, message, reply],
  });
}

/** With only the turns before one. */
export function cutBefore(conversation: Conversation, turnId: string): Conversation {
  const index = conversation.turns.findIndex(({ id }) => id === turnId);
  if (index < 0) return conversation;
  const turns = conversation.turns.slice(0, index);
  return { ...conversation, turns, start: Math.min(conversation.start, turns.length) };
}

/** With another variant of a reply, which is shown; turns behind it are dropped, and variants that came to nothing. */
export function withVariant(conversation: Conversation, turnId: string, variant: Variant): Conversation {
  const index = conversation.turns.findIndex(({ id }) => id === turnId);
  const turn = conversation.turns[index];
  if (turn?.role !== 'assistant') return conversation;
  const variants = [...turn.variants.filter(({ text }) => text !== ''), variant];
  const turns = [
    ...conversation.turns.slice(0, index),
    { ...turn, variants, shown: variants.length - 1 },
  ] satisfies Turn[];
  return touched({ ...conversation, turns });
}

/** With another variant of a reply shown. */
export function showingVariant(conversation: Conversation, turnId: string, shown: number): Conversation {
  return mapReply(conversation, turnId, (turn) =>
    turn.variants[shown] === undefined ? turn : { ...turn, shown },
  );
}

/** With the variant of that id replaced. */
export function replacingVariant(conversation: Conversation, variant: Variant): Conversation {
  return {
    ...conversation,
    updatedAt: Date.now(),
    turns: conversation.turns.map((turn) =>
      turn.role === 'assistant' && turn.variants.some(({ id }) => id === variant.id)
        ? { ...turn, variants: turn.variants.map((old) => (old.id === variant.id ? variant : old)) }
        : turn,
    ),
  };
}

/** With every reply that a closed page left behind marked as interrupted, but for the one with that id. */
export function settled(conversation: Conversation, runningId: string | undefined): Conversation {
  return {
    ...conversation,
    turns: conversation.turns.map((turn) =>
      turn.role === 'assistant'
        ? {
            ...turn,
            variants: turn.variants.map((variant) =>
              variant.state === 'running' && variant.id !== runningId
                ? { ...variant, state: 'interrupted' }
                : variant,
            ),
          }
        : turn,
    ),
  };
}

/** The variant of a reply that is shown. */
export function shownVariant(turn: ReplyTurn): Variant {
  return turn.variants[turn.shown] ?? turn.variants[0]!;
}

/** What the model is given for the reply that is last. Replies without a text are left out with what they answered. */
export function messagesFor(conversation: Conversation, systemPrompt: string): ChatMessage[] {
  const { turns } = conversation;
  const messages: ChatMessage[] =
    systemPrompt.trim() === '' ? [] : [{ role: 'system', content: systemPrompt.trim() }];
  for (let index = conversation.start; index < turns.length; index += 1) {
    const turn = turns[index]!;
    const next = turns[index + 1];
    if (turn.role === 'assistant') {
      if (index < turns.length - 1) messages.push({ role: 'assistant', content: shownVariant(turn).text });
    } else if (index >= turns.length - 2 || next?.role !== 'assistant' || shownVariant(next).text !== '') {
      messages.push({ role: 'user', content: turn.text });
    } else {
      index += 1;
    }
  }
  return messages;
}

/** Tokens that the last reply with a count left in the context; undefined where nothing was counted. */
export function usedTokens(conversation: Conversation): number | undefined {
  const last = conversation.turns.at(-1);
  if (last?.role !== 'assistant') return undefined;
  const statistics = shownVariant(last).statistics;
  if (statistics?.promptTokens === undefined) return undefined;
  return statistics.promptTokens + statistics.generatedTokens;
}

/** With the oldest turns left out, so that about half of what the model got remains; the last message always does. */
export function withoutOldest(conversation: Conversation): Conversation {
  const lengths = conversation.turns.map((turn) =>
    turn.role === 'user' ? turn.text.length : shownVariant(turn).text.length,
  );
  const total = lengths.slice(conversation.start).reduce((sum, length) => sum + length, 0);
  let { start } = conversation;
  let left = total;
  while (left > total / 2 && start + 2 < conversation.turns.length) {
    left -= lengths[start]! + (lengths[start + 1] ?? 0);
    start += 2;
  }
  return { ...conversation, start };
}

function touched(conversation: Conversation): Conversation {
  return { ...conversation, updatedAt: Date.now() };
}

function mapReply(
  conversation: Conversation,
  turnId: string,
  change: (turn: ReplyTurn) => ReplyTurn,
): Conversation {
  return {
    ...conversation,
    turns: conversation.turns.map((turn) =>
      turn.id === turnId && turn.role === 'assistant' ? change(turn) : turn,
    ),
  };
}
