/** One run of `bitnet chat`: the conversation, how to generate, and what the last answer took. No input or output here. */
import type { GenerationResult, Model } from '../../index.ts';
import type { GenerationSettings } from '../generation/sampling-options.ts';
import { streamText } from '../generation/stream-text.ts';
import type { Conversation } from './conversation.ts';

/** See the file's header. */
export class ChatSession {
  readonly model: Model;
  /** What to call the model. */
  readonly label: string;
  readonly conversation: Conversation;
  readonly #settings: GenerationSettings;
  #answers = 0;
  #last: GenerationResult | undefined;

  constructor(parts: {
    model: Model;
    label: string;
    conversation: Conversation;
    settings: GenerationSettings;
  }) {
    this.model = parts.model;
    this.label = parts.label;
    this.conversation = parts.conversation;
    this.#settings = parts.settings;
  }

  /** How the last answer that was not cut off went. */
  get last(): GenerationResult | undefined {
    return this.#last;
  }

  /**
   * Sends a text and hands over the answer's text as it comes.
   *
   * @returns undefined when the answer was cut off
   * @throws as Chat.send, while iterating
   */
  async answer(
    text: string,
    write: (text: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<GenerationResult | undefined> {
    // Another seed for each answer: with one and the same, a question asked again would be answered alike.
    const seed = (this.#settings.seed + this.#answers++) % Number.MAX_SAFE_INTEGER;
    const generation = this.conversation.send(text, { ...this.#settings, seed, signal });
    await streamText(generation, write);
    this.#last = generation.result;
    return this.#last;
  }
}
