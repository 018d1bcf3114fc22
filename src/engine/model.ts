/** The public face of a loaded model: text in, text out. Everything here is engine, session and tokenizer put together. */
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import type { PullOptions } from '../hub/hub.ts';
import type { RunningBackend } from '../kernels/backend-name.ts';
import type { ModelConfig } from '../model/config.ts';
import { openModel } from '../model/open.ts';
import type { ChatMessage, ChatTemplate, RenderOptions } from '../tokenizer/chat/chat-template.ts';
import { encodeChat } from '../tokenizer/chat/encode-chat.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { embedTokens, normalise } from './embedding.ts';
import type { Engine } from './engine.ts';
import { Chat, type ChatOptions } from './generation/chat.ts';
import {
  type GenerateOptions,
  type GenerationResult,
  generateTokens,
  type Piece,
  tokenLogProbability,
} from './generation/generate.ts';
import { Generation } from './generation/generation.ts';
import { loadEngine } from './load-engine.ts';
import type { EngineOptions } from './options.ts';
import type { Pooling } from './serving/sequence.ts';
import { Session } from './session.ts';
import { type ModelSource, openSource } from './source.ts';
import { type ModelText, readModelText } from './text.ts';

/** How a model is loaded. */
export interface LoadOptions extends EngineOptions {
  /** How a model is downloaded that is given by name and not here yet; only relevant then. */
  readonly pull?: Omit<PullOptions, 'signal'>;
}

/** How text becomes tokens. */
export interface TokenizeOptions {
  /** Put the model's beginning-of-text token first; default false. */
  readonly addBos?: boolean;
  /** Read the text of control tokens as those tokens; default false, which is safe for text from outside. */
  readonly parseSpecial?: boolean;
}

/** How a text becomes a vector. */
export interface EmbedOptions {
  /** `mean` over all tokens (default), or the `last` token. */
  readonly pooling?: Pooling;
  /** Bring the vector to length 1; default false. */
  readonly normalise?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Loads a model.
 *
 * @param source path or URL of a GGUF file or of a Hugging Face folder (a URL ending in `/`), a name (`2b4t`, `owner/name`) of a
 *   model that is downloaded if need be, a Blob, bytes, or a source
 * @throws BitnetError when the source cannot be read, the file is damaged or unsupported, an option is out of range, or
 *   memory does not suffice; the signal's reason when aborted
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const start = performance.now();
  options.signal?.throwIfAborted();
  return loadFrom(await openSource(source, options.signal, options.pull), options, start);
}

/**
 * As {@link loadModel}, for what is open already and closed here: without all that reads from the network, which a page that is
 * given files alone need not load.
 *
 * @param start when loading began, by performance.now()
 */
export async function loadFrom(
  bytes: ByteSource | SourceFolder,
  options: EngineOptions = {},
  start: number = performance.now(),
): Promise<Model> {
  try {
    const opened = await openModel(bytes, options.signal);
    try {
      // A vocabulary takes as long as half of the weights. Where threads may read those from a file, both are done at once;
      // elsewhere text comes first, since it is refused before any memory is taken.
      const isInFile = [...opened.tensors.values()].some((tensor) => tensor.source.file !== undefined);
      let text = isInFile ? undefined : readModelText(opened);
      const engine = await loadEngine(opened, options, () => {
        text ??= readModelText(opened);
      });
      return new Model(engine, text!, (performance.now() - start) / 1000);
    } finally {
      await opened.close();
    }
  } finally {
    if ('close' in bytes) await bytes.close();
  }
}

/** A model ready to generate. Made by {@link loadModel}; call {@link dispose} when done. */
export class Model {
  /** Dims and constants. */
  readonly config: ModelConfig;
  /** The kernels that run, for example `wasm-relaxed`; never an alias. */
  readonly backend: RunningBackend;
  /** Tokens that a conversation can hold. */
  readonly contextLength: number;
  readonly tokenizer: Tokenizer;
  /** How long loading took. */
  readonly loadSeconds: number;
  /** Sentences on known defects of the file that were put right, and on what is unusual about it or the machine. */
  readonly notes: readonly string[];
  /** The loaded weights and threads, for work on tokens and logits. */
  readonly engine: Engine;
  readonly #template: ChatTemplate | undefined;
  /** A session that no generation uses; the next one starts from what it holds. */
  #idle: Session | undefined;

  constructor(engine: Engine, text: ModelText, loadSeconds: number) {
    this.engine = engine;
    this.config = engine.config;
    this.backend = engine.backendName;
    this.contextLength = engine.contextLength;
    this.tokenizer = text.tokenizer;
    this.loadSeconds = loadSeconds;
    this.notes = [...text.corrections, ...engine.warnings];
    this.#template = text.template;
  }

  /** Threads that compute. */
  get threads(): number {
    return this.engine.threads;
  }

  /** The Jinja source of the chat template; undefined for a base model, which only continues text. */
  get chatTemplate(): string | undefined {
    return this.#template?.source;
  }

  /**
   * Continues a text (to which the model's beginning-of-text token is added) or tokens (taken as they are).
   *
   * @throws while iterating: ContextLengthExceeded; BitnetError `option/…`, `tokens/…`, `model/disposed`; the signal's reason
   */
  generate(prompt: string | readonly number[], options: GenerateOptions = {}): Generation {
    return new Generation(this.generateFrom(this.#promptTokens(prompt), options));
  }

  /**
   * Starts a conversation.
   *
   * @throws BitnetError `chat/no-template` for a base model
   */
  chat(options: ChatOptions = {}): Chat {
    this.#needTemplate();
    return new Chat(this, options);
  }

  /** The tokens of a conversation, up to where the model's reply begins unless the options say otherwise. */
  encodeChat(messages: readonly ChatMessage[], options: RenderOptions = {}): number[] {
    return encodeChat(this.tokenizer, this.#needTemplate(), messages, options);
  }

  /** As {@link generate}, from tokens and as a bare generator. */
  async *generateFrom(
    prompt: readonly number[],
    options: GenerateOptions,
  ): AsyncGenerator<Piece, GenerationResult, undefined> {
    this.engine.checkUsable();
    const session = this.#idle ?? new Session(this.engine);
    this.#idle = undefined;
    try {
      return yield* generateTokens(session, this.tokenizer, prompt, options);
    } finally {
      if (this.#idle === undefined) this.#idle = session;
      else session.dispose();
    }
  }

  /**
   * The natural log-probability of each token given those before it.
   *
   * @param tokens at least two, at most {@link contextLength}
   * @returns f32 [tokens.length - 1]; entry i belongs to token i + 1
   * @throws ContextLengthExceeded; BitnetError `tokens/empty`, `tokens/bad-id`, `model/disposed`; the signal's reason
   */
  async score(tokens: ArrayLike<number>, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    if (tokens.length < 2) {
      throw new BitnetError('tokens/empty', `${tokens.length} tokens cannot be scored; give at least two`);
    }
    const scores = new Float32Array(tokens.length - 1);
    await this.#withSession((session) =>
      session.syncEach(
        tokens,
        0,
        (position, logits) => {
          if (position < scores.length) scores[position] = tokenLogProbability(logits, tokens[position + 1]!);
        },
        options.signal,
      ),
    );
    return scores;
  }

  /**
   * The logits after the last token.
   *
   * @returns f32 [vocabularySize]
   * @throws as {@link score}
   */
  async logits(tokens: ArrayLike<number>, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.#withSession((session) => session.sync(tokens, options.signal));
  }

  /**
   * A vector for a text (to which the model's beginning-of-text token is added) or tokens (taken as they are): final hidden
   * states, behind the output norm. The same bits everywhere, as logits are.
   *
   * @returns f32 [config.embeddingLength]
   * @throws ContextLengthExceeded; BitnetError `option/pooling`, `tokens/empty`, `tokens/bad-id`, `model/disposed`,
   *   `memory/…`; the signal's reason
   */
  async embed(input: string | readonly number[], options: EmbedOptions = {}): Promise<Float32Array> {
    const { pooling = 'mean', signal } = options;
    if (pooling !== 'mean' && pooling !== 'last') {
      throw new BitnetError('option/pooling', `pooling is ${String(pooling)}; give 'mean' or 'last'`);
    }
    const vector = await embedTokens(this.engine, this.#promptTokens(input), pooling, { signal });
    return options.normalise ? normalise(vector) : vector;
  }

  /** The tokens of a text. */
  tokenize(text: string, options: TokenizeOptions = {}): number[] {
    return this.tokenizer.encode(text, {
      addBos: options.addBos ?? false,
      addEos: false,
      parseSpecial: options.parseSpecial ?? false,
    });
  }

  /**
   * The text of tokens; bytes that are not UTF-8 become U+FFFD.
   *
   * @throws BitnetError `tokenizer/bad-id`
   */
  detokenize(tokens: Iterable<number>, options: { skipSpecial?: boolean } = {}): string {
    return this.tokenizer.decode(tokens, { skipSpecial: options.skipSpecial ?? false });
  }

  /** Ends all threads and lets go of the memory; the model is of no more use. */
  async dispose(): Promise<void> {
    this.#idle = undefined;
    await this.engine.dispose();
  }

  async #withSession<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const session = new Session(this.engine);
    try {
      return await use(session);
    } finally {
      session.dispose();
    }
  }

  #promptTokens(prompt: string | readonly number[]): readonly number[] {
    if (typeof prompt !== 'string') return prompt;
    return this.tokenizer.encode(prompt, { addEos: false });
  }

  #needTemplate(): ChatTemplate {
    if (this.#template !== undefined) return this.#template;
    throw new BitnetError(
      'chat/no-template',
      'this model has no chat template: it is a base model that continues text; use generate instead of chat',
    );
  }
}
