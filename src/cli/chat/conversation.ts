/**
 * What `bitnet chat` talks to: a model that has learnt to converse, with its messages; or a base model, which continues
 * each text on its own. Both answer the same calls, so the surroundings need not know which one it is.
 */
import { BitnetError } from '../../base/errors.ts';
import { Generation } from '../../engine/generation/generation.ts';
import type { Chat, GenerateOptions, GenerationResult, Model, Piece } from '../../index.ts';

/** A message whose content is text. */
export type TextMessage = {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
};

/** See the file's header. */
export interface Conversation {
  /** False for a base model. */
  readonly hasTurns: boolean;
  readonly messages: readonly TextMessage[];
  /** Sends a text; what comes back joins the messages. @throws as Chat.send and Model.generate, while iterating */
  send(text: string, options: GenerateOptions): Generation;
  /** Forgets all messages but the system message. */
  reset(): void;
  /** Changes the system message, '' for none. @throws BitnetError when the model can have none */
  setSystem(text: string): void;
  /** Goes on with other messages. @throws BitnetError when the model's template refuses them */
  restore(messages: readonly TextMessage[]): void;
}

/** A conversation with a model. @throws BitnetError when its template refuses the system message */
export function startConversation(model: Model, system: string | undefined): Conversation {
  const conversation = model.chatTemplate === undefined ? new Completions(model) : new Turns(model);
  if (system !== undefined) conversation.setSystem(system);
  return conversation;
}

class Turns implements Conversation {
  readonly hasTurns = true;
  readonly #model: Model;
  #chat: Chat;

  constructor(model: Model) {
    this.#model = model;
    this.#chat = model.chat();
  }

  get messages(): readonly TextMessage[] {
    return this.#chat.messages as readonly TextMessage[];
  }

  send(text: string, options: GenerateOptions): Generation {
    return this.#chat.send(text, options);
  }

  reset(): void {
    this.#chat = this.#model.chat({ messages: this.messages.filter(({ role }) => role === 'system') });
  }

  setSystem(text: string): void {
    const others = this.messages.filter(({ role }) => role !== 'system');
    this.restore(text === '' ? others : [{ role: 'system', content: text }, ...others]);
  }

  restore(messages: readonly TextMessage[]): void {
    // A template that refuses the messages should do so now, not at every question from here on.
    this.#model.encodeChat([...messages, { role: 'user', content: '' }]);
    this.#chat = this.#model.chat({ messages });
  }
}

class Completions implements Conversation {
  readonly hasTurns = false;
  readonly #model: Model;
  #messages: readonly TextMessage[] = [];

  constructor(model: Model) {
    this.#model = model;
  }

  get messages(): readonly TextMessage[] {
    return this.#messages;
  }

  send(text: string, options: GenerateOptions): Generation {
    return new Generation(this.#continue(text, options));
  }

  reset(): void {
    this.#messages = [];
  }

  setSystem(): void {
    throw new BitnetError(
      'chat/no-template',
      'this is a base model without a chat template, and takes no system message; it continues the texts it is given',
    );
  }

  restore(messages: readonly TextMessage[]): void {
    this.#messages = messages;
  }

  async *#continue(
    text: string,
    options: GenerateOptions,
  ): AsyncGenerator<Piece, GenerationResult, undefined> {
    const generation = this.#model.generate(text, options);
    let continuation = '';
    try {
      for await (const piece of generation) {
        continuation += piece.text;
        yield piece;
      }
    } finally {
      if (continuation !== '') {
        this.#messages = [
          ...this.#messages,
          { role: 'user', content: text },
          { role: 'assistant', content: continuation },
        ];
      }
    }
    return generation.result!;
  }
}
