/** A reply as the events of a response; the last one holds the whole of it. */
import type { SequenceProgress } from '../../../../engine/serving/sequence.ts';
import type { Tokenizer } from '../../../../index.ts';
import type { Failure } from '../../../http/failure.ts';
import type { Reply } from '../../../reply/reply.ts';
import type { AnswerHead } from '../answer.ts';
import { type ResponseEvent, ResponseItems } from './response-items.ts';
import type { ResponseRequest } from './response-request.ts';

/** A numbered event. */
export interface NumberedEvent extends ResponseEvent {
  readonly sequence_number: number;
}

/** Writes one response. */
export class ResponseAnswer {
  readonly #head: Pick<AnswerHead, 'id' | 'created' | 'model'>;
  readonly #request: Pick<ResponseRequest, 'echoed'>;
  readonly #items: ResponseItems;
  #count = 0;

  constructor(
    head: Pick<AnswerHead, 'id' | 'created' | 'model'>,
    request: Pick<ResponseRequest, 'echoed' | 'withScores'>,
    tokenizer: Tokenizer,
  ) {
    this.#head = head;
    this.#request = request;
    this.#items = new ResponseItems(tokenizer, request.withScores);
  }

  /** All events of a reply. */
  async *events(reply: Reply): AsyncGenerator<NumberedEvent, void, undefined> {
    yield this.#numbered({ type: 'response.created', response: this.#response('in_progress') });
    yield this.#numbered({ type: 'response.in_progress', response: this.#response('in_progress') });
    for await (const event of reply) {
      for (const answer of this.#items.push(event)) yield this.#numbered(answer);
    }
    const status = reply.end === 'length' || reply.end === undefined ? 'incomplete' : 'completed';
    for (const answer of this.#items.end(status)) yield this.#numbered(answer);
    const response = this.#response(status, {
      usage: usageOf(reply.progress),
      ...(status === 'incomplete' ? { incomplete_details: { reason: 'max_output_tokens' } } : {}),
    });
    yield this.#numbered({ type: `response.${status}`, response });
  }

  /** The last event of a response that failed under way. */
  failed({ code, message }: Failure): NumberedEvent {
    const response = this.#response('failed', { error: { code, message } });
    return this.#numbered({ type: 'response.failed', response });
  }

  #numbered(event: ResponseEvent): NumberedEvent {
    return { ...event, sequence_number: this.#count++ };
  }

  #response(status: string, more: object = {}): object {
    const { id, created, model } = this.#head;
    return {
      id,
      object: 'response',
      created_at: created,
      model,
      ...this.#request.echoed,
      status,
      error: null,
      incomplete_details: null,
      output: [...this.#items.done],
      usage: null,
      ...more,
    };
  }
}

function usageOf({ promptTokens, generatedTokens, cachedTokens }: SequenceProgress): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: generatedTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + generatedTokens,
  };
}
