/** A conversation with a model that has a chat template. */
import { BitnetError } from '../../base/errors.ts';
import type { ChatMessage } from '../../tokenizer/chat/chat-template.ts';
import type { GenerateOptions, GenerationResult, Piece } from './generate.ts';
import { Generation } from './generation.ts';

/** How a conversation begins. */
export interface ChatOptions {
  /** The system message; default none. */
  readonly system?: string;
  /** Earlier messages, to go on with a saved conversation. */
  readonly messages?: readonly ChatMessage[];
}

/** What a conversation needs of its model. */
export interface ChatModel {
  encodeChat(messages: readonly ChatMessage[]): number[];
  generateFrom(
    prompt: readonly number[],
    options: GenerateOptions,
  ): AsyncGenerator<Piece, GenerationResult, undefined>;
}

/** Messages that grow by a question and an answer with each {@link send}; what was computed for earlier ones is kept. */
export class Chat {
  readonly #model: ChatModel;
  #messages: ChatMessage[];

  constructor(model: ChatModel, options: ChatOptions = {}) {
    this.#model = model;
    this.#messages = [
      ...(options.system === undefined ? [] : [{ role: 'system', content: options.system }]),
      ...(options.messages ?? []),
    ];
  }

  /** The conversation so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /**
   * Sends a user's message and answers the model's reply. Both join the conversation when the reply has ended or was cut
   * off (with what there was of it); nothing joins when it fails.
   *
   * @throws as Model.generate, while iterating
   */
  send(text: string, options: GenerateOptions = {}): Generation {
    return new Generation(this.#reply({ role: 'user', content: text }, options));
  }

  async *#reply(
    message: ChatMessage,
    options: GenerateOptions,
  ): AsyncGenerator<Piece, GenerationResult, undefined> {
    const before = this.#messages;
    const prompt = this.#model.encodeChat([...before, message]);
    let reply = '';
    const keep = () => {
      if (this.#messages !== before) {
        throw new BitnetError(
          'chat/busy',
          'another message was sent before this reply ended; send one at a time',
        );
      }
      this.#messages = [...before, message, { role: 'assistant', content: reply }];
    };
    const pieces = this.#model.generateFrom(prompt, options);
    let ended = false;
    try {
      for (;;) {
        const next = await pieces.next();
        if (next.done) {
          ended = true;
          keep();
          return next.value;
        }
        reply += next.value.text;
        yield next.value;
      }
    } catch (error) {
      if (!ended && options.signal?.aborted === true) keep();
      ended = true;
      throw error;
    } finally {
      if (!ended) {
        await pieces.return(undefined as never);
        keep();
      }
    }
  }
}
