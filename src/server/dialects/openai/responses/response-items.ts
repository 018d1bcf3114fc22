/** The output items of a response while they are written, one after the other, and the events that tell of it. */
import type { Tokenizer } from '../../../../index.ts';
import type { ReplyEvent } from '../../../reply/reply.ts';
import { newId } from '../answer.ts';
import { type ScoredTokenWithTop, tokenScores } from '../token-scores.ts';

/** An event without the number that it gets in its stream. */
export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A message that is being written. */
interface OpenMessage {
  readonly kind: 'message';
  readonly id: string;
  text: string;
  readonly scores: ScoredTokenWithTop[];
}

/** A call that is being written. */
interface OpenCall {
  readonly kind: 'call';
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  text: string;
}

/** Turns a reply's events into a response's. Answers and calls follow each other as the model writes them. */
export class ResponseItems {
  /** Items that have ended. */
  readonly done: object[] = [];
  readonly #tokenizer: Tokenizer;
  readonly #withScores: boolean;
  #open: OpenMessage | OpenCall | undefined;

  constructor(tokenizer: Tokenizer, withScores: boolean) {
    this.#tokenizer = tokenizer;
    this.#withScores = withScores;
  }

  /** Events for more of a reply. */
  *push(event: ReplyEvent): Generator<ResponseEvent, void, undefined> {
    switch (event.kind) {
      case 'text': {
        const scores = this.#withScores ? tokenScores(this.#tokenizer, event.scores ?? []) : [];
        if (event.text !== '' || scores.length > 0) yield* this.#text(event.text, scores);
        return;
      }
      case 'tool-call':
        yield* this.close('completed');
        yield* this.#begin({ kind: 'call', id: newId('fc_'), callId: event.id, name: event.name, text: '' });
        return;
      case 'tool-arguments':
        if (this.#open?.kind !== 'call') return;
        this.#open.text += event.text;
        yield {
          type: 'response.function_call_arguments.delta',
          item_id: this.#open.id,
          output_index: this.done.length,
          delta: event.text,
        };
    }
  }

  /** Events for the end of the reply; one that said nothing is an empty message. */
  *end(status: 'completed' | 'incomplete'): Generator<ResponseEvent, void, undefined> {
    if (this.#open === undefined && this.done.length === 0) yield* this.#text('', []);
    yield* this.close(status);
  }

  /** Ends the item that is being written, if there is one. */
  *close(status: 'completed' | 'incomplete'): Generator<ResponseEvent, void, undefined> {
    const open = this.#open;
    if (open === undefined) return;
    const place = { item_id: open.id, output_index: this.done.length };
    if (open.kind === 'message') {
      const at = { ...place, content_index: 0 };
      yield { type: 'response.output_text.done', ...at, text: open.text, logprobs: open.scores };
      yield { type: 'response.content_part.done', ...at, part: textPart(open) };
    } else {
      const { name, text } = open;
      yield { type: 'response.function_call_arguments.done', ...place, name, arguments: text };
    }
    const item = itemOf(open, status);
    yield { type: 'response.output_item.done', output_index: this.done.length, item };
    this.done.push(item);
    this.#open = undefined;
  }

  *#text(text: string, scores: readonly ScoredTokenWithTop[]): Generator<ResponseEvent, void, undefined> {
    let open = this.#open;
    if (open?.kind !== 'message') {
      yield* this.close('completed');
      open = { kind: 'message', id: newId('msg_'), text: '', scores: [] };
      yield* this.#begin(open);
    }
    if (text === '' && scores.length === 0) return;
    open.text += text;
    open.scores.push(...scores);
    const place = { item_id: open.id, output_index: this.done.length, content_index: 0 };
    yield { type: 'response.output_text.delta', ...place, delta: text, logprobs: scores };
  }

  *#begin(open: OpenMessage | OpenCall): Generator<ResponseEvent, void, undefined> {
    this.#open = open;
    const place = { output_index: this.done.length };
    const item =
      open.kind === 'message' ? { ...itemOf(open, 'in_progress'), content: [] } : itemOf(open, 'in_progress');
    yield { type: 'response.output_item.added', ...place, item };
    if (open.kind !== 'message') return;
    const at = { item_id: open.id, ...place, content_index: 0 };
    yield { type: 'response.content_part.added', ...at, part: textPart(open) };
  }
}

function itemOf(open: OpenMessage | OpenCall, status: string): object {
  if (open.kind === 'message') {
    return { id: open.id, type: 'message', status, role: 'assistant', content: [textPart(open)] };
  }
  const { id, callId: call_id, name, text } = open;
  return { id, type: 'function_call', status, call_id, name, arguments: text };
}

function textPart({ text, scores }: OpenMessage): object {
  return { type: 'output_text', text, annotations: [], logprobs: [...scores] };
}
