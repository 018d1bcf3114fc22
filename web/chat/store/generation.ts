/**
 * The reply under way: there is one at a time, and it goes on whatever the page shows. What comes is put together here and
 * shown once a frame, stored twice a second, and becomes part of the conversation when it ends.
 */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { randomId } from '../../shared/random-id.ts';
import {
  type ReplyDelta,
  type ReplyEnd,
  type TokenDetail,
  type Transport,
  TransportError,
} from '../transport/transport.ts';
import { connectionFault, fail, isKeyWanted, load, loading } from './connecting.ts';
import { modelId, models, runtime, speed, transport } from './connection.ts';
import {
  type Conversation,
  cutBefore,
  emptyConversation,
  messagesFor,
  replacingVariant,
  type Statistics,
  shownVariant,
  type Variant,
  withMessage,
  withVariant,
} from './conversation.ts';
import { begin, change, current, keep, runningVariant } from './conversations.ts';
import { writeTokens } from './database.ts';
import { announce, notify, notifyFault, sentenceOf } from './notices.ts';
import { packTokens } from './packed-tokens.ts';
import { samplingOf, settings } from './settings.ts';

/** What is seen of a reply while it comes. */
export interface Running {
  readonly conversationId: string;
  readonly variant: Variant;
  /** `load`: the model; `prompt`: until the first token; `write`: tokens come. */
  readonly phase: ReadonlySignal<'load' | 'prompt' | 'write'>;
  readonly text: ReadonlySignal<string>;
  /** Tokens so far. */
  readonly count: ReadonlySignal<number>;
  /** Their details, where those were asked for. */
  readonly tokens: ReadonlySignal<readonly TokenDetail[]>;
  stop(): void;
}

/** The one under way. */
export const running: Signal<Running | undefined> = signal(undefined);

const STORE_MS = 500;
const SPEED_MS = 250;
const MOST_PAINT_MS = 100;
/** Less than this says nothing of a speed, since tokens come to the page several at a time. */
const LEAST_SPEED_MS = 100;

/** Says something in the open conversation, or in a new one, and has it answered. */
export function send(text: string): void {
  const variant = freshVariant();
  if (variant === undefined || text.trim() === '') return;
  const open = current.peek();
  const after = withMessage(open ?? emptyConversation(), text.trim(), variant);
  if (open === undefined) begin(after);
  start(after, variant, open === undefined ? undefined : () => after);
}

/** Has a reply made once more; the ones before stay reachable, what came behind it is dropped. */
export function regenerate(turnId: string): void {
  const open = current.peek();
  const variant = freshVariant();
  if (open === undefined || variant === undefined) return;
  const after = withVariant(open, turnId, variant);
  if (after.turns.length < open.turns.length) offerReturn(open);
  start(after, variant, () => after);
}

/** Says something else in place of an earlier message; what came behind it is dropped. */
export function resend(turnId: string, text: string): void {
  const open = current.peek();
  const variant = freshVariant();
  if (open === undefined || variant === undefined || text.trim() === '') return;
  const after = withMessage(cutBefore(open, turnId), text.trim(), variant);
  offerReturn(open);
  start(after, variant, () => after);
}

/** Has the last reply made again if it failed for want of a key. */
export function retryAfterKey(): void {
  const last = current.peek()?.turns.at(-1);
  if (last?.role === 'assistant' && shownVariant(last).fault?.reason === 'unauthorised') regenerate(last.id);
}

function offerReturn(before: Conversation): void {
  notify('Later messages were removed.', {
    title: 'Undo',
    run: () => {
      if (running.peek()?.conversationId === before.id) running.peek()?.stop();
      change(before.id, () => ({ ...before, updatedAt: Date.now() })).catch(notifyFault);
    },
  });
}

function freshVariant(): Variant | undefined {
  const place = transport.peek()?.kind;
  const model = modelId.peek();
  if (running.peek() !== undefined || place === undefined) return undefined;
  return {
    id: randomId(),
    text: '',
    state: 'running',
    fault: undefined,
    statistics: undefined,
    model: models.peek().find(({ id }) => id === model)?.title ?? model ?? '',
    place,
  };
}

function start(
  conversation: Conversation,
  variant: Variant,
  changed: ((before: Conversation) => Conversation) | undefined,
): void {
  const reply = new Reply(conversation.id, variant);
  running.value = reply;
  runningVariant.id = variant.id;
  if (changed) change(conversation.id, changed).catch(notifyFault);
  announce('The model answers.');
  reply.run(conversation).catch(notifyFault);
}

/** One reply from its request to its end. */
class Reply implements Running {
  readonly conversationId: string;
  readonly variant: Variant;
  readonly phase: Signal<'load' | 'prompt' | 'write'> = signal('load');
  readonly text: Signal<string> = signal('');
  readonly count: Signal<number> = signal(0);
  readonly tokens: Signal<readonly TokenDetail[]> = signal([]);
  readonly #controller = new AbortController();
  readonly #tokens: TokenDetail[] = [];
  #count = 0;
  #text = '';
  #frame = 0;
  #startedAt = performance.now();
  #firstAt: number | undefined;
  /** Tokens that came together with the first. */
  #firstCount = 0;
  #lastAt = 0;
  #storedAt = 0;
  #toldAt = 0;

  constructor(conversationId: string, variant: Variant) {
    this.conversationId = conversationId;
    this.variant = variant;
  }

  stop(): void {
    this.#controller.abort();
  }

  async run(conversation: Conversation): Promise<void> {
    const onHide = () => this.#store();
    addEventListener('pagehide', onHide);
    document.addEventListener('visibilitychange', onHide);
    let end: ReplyEnd | undefined;
    let error: unknown;
    try {
      end = await this.#stream(conversation);
    } catch (thrown) {
      error = thrown;
    } finally {
      removeEventListener('pagehide', onHide);
      document.removeEventListener('visibilitychange', onHide);
      await this.#finish(end, error);
    }
  }

  async #stream(conversation: Conversation): Promise<ReplyEnd> {
    const { signal } = this.#controller;
    const from = chosenTransport();
    if (runtime.peek() === undefined && loading.peek() === undefined) await load(signal);
    await painted();
    signal.throwIfAborted();
    const id = modelId.peek();
    if (id === undefined) throw new TransportError('refused', 'There is no model to answer.');
    this.phase.value = 'prompt';
    this.#startedAt = performance.now();
    const { systemPrompt } = settings.peek();
    const stream = from.reply(
      {
        modelId: id,
        messages: messagesFor(conversation, systemPrompt),
        sampling: samplingOf(settings.peek()),
        hasDetails: areDetailsWanted(),
      },
      signal,
    );
    for (;;) {
      const step = await stream.next();
      if (step.done) return step.value;
      this.#append(step.value);
    }
  }

  #append({ text, count, tokens }: ReplyDelta): void {
    const now = performance.now();
    this.#text += text;
    this.#count += count;
    this.#tokens.push(...tokens);
    if (this.#firstAt === undefined) {
      this.#firstAt = now;
      this.#firstCount = this.#count;
    }
    this.#lastAt = now;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#show());
    if (now - this.#storedAt > STORE_MS) this.#store();
  }

  #show(): void {
    this.#frame = 0;
    this.phase.value = 'write';
    this.text.value = this.#text;
    const now = performance.now();
    if (now - this.#toldAt < SPEED_MS) return;
    this.#toldAt = now;
    this.count.value = this.#count;
    if (this.#tokens.length > 0) this.tokens.value = [...this.#tokens];
    const rate = this.#rate();
    if (rate !== undefined) speed.value = rate;
  }

  #store(): void {
    this.#storedAt = performance.now();
    const variant = { ...this.variant, text: this.#text };
    keep(this.conversationId, (found) => replacingVariant(found, variant)).catch(notifyFault);
  }

  async #finish(end: ReplyEnd | undefined, error: unknown): Promise<void> {
    cancelAnimationFrame(this.#frame);
    const variant = this.#settled(end, error);
    if (end !== undefined) connectionFault.value = undefined;
    if (variant.fault?.reason === 'unauthorised' || variant.fault?.reason === 'unreachable') fail(error);
    runningVariant.id = undefined;
    try {
      if (this.#tokens.length > 0) await writeTokens(variant.id, packTokens(this.#tokens)).catch(notifyFault);
      await change(this.conversationId, (found) => replacingVariant(found, variant));
    } finally {
      speed.value = variant.statistics?.tokensPerSecond ?? speed.peek();
      running.value = undefined;
      announce(announcementOf(variant));
    }
  }

  #settled(end: ReplyEnd | undefined, error: unknown): Variant {
    const isCancelled = error instanceof DOMException && error.name === 'AbortError';
    const isStopped = this.#controller.signal.aborted || isCancelled;
    const state = end ? 'complete' : isStopped ? 'stopped' : 'failed';
    const reason = error instanceof TransportError ? error.reason : 'refused';
    return {
      ...this.variant,
      text: this.#text,
      state,
      fault: state === 'failed' ? { reason, message: sentenceOf(error) } : undefined,
      statistics: this.#count > 0 || end ? this.#statistics(end) : undefined,
    };
  }

  #statistics(end: ReplyEnd | undefined): Statistics {
    return {
      finishReason: end?.finishReason,
      promptTokens: end?.promptTokens,
      cachedTokens: end?.cachedTokens,
      generatedTokens: end?.generatedTokens ?? this.#count,
      firstTokenSeconds:
        end?.firstTokenSeconds ??
        (this.#firstAt === undefined ? undefined : (this.#firstAt - this.#startedAt) / 1000),
      tokensPerSecond: this.#rate(),
    };
  }

  /** Tokens a second from the first on, as they came here; undefined where that is too short to tell. */
  #rate(): number | undefined {
    const elapsed = this.#lastAt - (this.#firstAt ?? this.#lastAt);
    const count = this.#count - this.#firstCount;
    return elapsed < LEAST_SPEED_MS || count < 2 ? undefined : (count / elapsed) * 1000;
  }
}

/** Until the page shows the message: a model that computes on all cores would hold that up. Hidden pages paint nothing. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, MOST_PAINT_MS);
  });
}

function areDetailsWanted(): boolean {
  const { details } = settings.peek();
  return details === 'auto' ? runtime.peek()?.areDetailsSlow !== true : details === 'always';
}

function chosenTransport(): Transport {
  const from = transport.peek();
  if (from === undefined) throw new TransportError('unreachable', 'Nothing is there to answer yet.');
  return from;
}

function announcementOf({ state, fault, statistics }: Variant): string {
  if (state === 'failed') return isKeyWanted.peek() ? '' : (fault?.message ?? 'The reply failed.');
  const count = statistics?.generatedTokens ?? 0;
  return state === 'stopped' ? 'The reply was stopped.' : `The reply is complete: ${count} tokens.`;
}
