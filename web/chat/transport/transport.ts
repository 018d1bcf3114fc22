/**
 * What the page asks of whatever runs the model: a server (its OpenAI API) or this device (bitnet.ts in a worker). The page
 * knows nothing else of either, so everything in it works with both. Token ids never cross: texts do.
 */
import type { InsideSource } from './inside-source.ts';
import type { MachineReading } from './machine-reading.ts';

/** Who says something. */
export type Role = 'system' | 'user' | 'assistant';

/** A part of a conversation, as the model's template takes it. */
export interface ChatMessage {
  readonly role: Role;
  readonly content: string;
}

/** How tokens are drawn; ranges and defaults are those of the server's API (docs/server/openai.md). */
export interface Sampling {
  /** 0 to 2; 0 takes the most likely token. */
  readonly temperature: number;
  /** 0 to 1 */
  readonly topP: number;
  /** 0: all tokens. */
  readonly topK: number;
  /** 0 to 1 */
  readonly minP: number;
  /** 1: none. */
  readonly repetitionPenalty: number;
  /** A whole number from 0 to 2^32 - 1; undefined: another one each time. */
  readonly seed: number | undefined;
  /** Most tokens of a reply; undefined: until the model ends it or the context is full. */
  readonly maxTokens: number | undefined;
}

/** A token that was, or might have been, chosen. */
export interface TokenChoice {
  /** U+FFFD where its bytes are no whole character. */
  readonly text: string;
  /** Natural logarithm of its probability under the model, before any sampling parameter. */
  readonly logprob: number;
}

/** A generated token and the most likely ones in its place, most likely first; it may be among them. */
export interface TokenDetail extends TokenChoice {
  readonly alternatives: readonly TokenChoice[];
}

/** What came since the last one. */
export interface ReplyDelta {
  readonly text: string;
  /** Tokens that were generated meanwhile; a server tells them only roughly where no details were asked for. */
  readonly count: number;
  /**
   * Their details, where those were asked for; their texts need not add up to `text`, which never ends within a character, and
   * the token that ends a reply is not among them.
   */
  readonly tokens: readonly TokenDetail[];
}

/** What a reply came to. */
export interface ReplyEnd {
  /** `stop`: the model ended it; `length`: `maxTokens`, or the context is full. */
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  /** Prompt tokens that did not have to be computed again. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  /** From the request to the first token. */
  readonly firstTokenSeconds: number;
  /** From the request to the end. */
  readonly seconds: number;
}

/** What is asked for. */
export interface ReplyRequest {
  readonly modelId: string;
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  /** Whether details of the tokens are wanted; see {@link Runtime.areDetailsSlow}. */
  readonly hasDetails: boolean;
}

/** A model that can be asked. */
export interface ModelChoice {
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** Tokens that a conversation can hold; undefined until it is loaded. */
  readonly contextLength: number | undefined;
  /** In memory, so that it answers at once. */
  readonly isLoaded: boolean;
  /** Bytes of its file, where that is known. */
  readonly fileBytes: number | undefined;
  /** The user put it there, and may remove it ({@link ModelStore}). */
  readonly isRemovable: boolean;
}

/** What runs a model right now, in a few words each. */
export interface Runtime {
  /** As in `native-avx2` or `wasm-relaxed`; undefined where that is not told. */
  readonly backend: string | undefined;
  readonly threads: number | undefined;
  /**
   * True where details of tokens cost speed: a large output head is read only in part to find the likely tokens, and as a whole
   * to tell how likely they are.
   */
  readonly areDetailsSlow: boolean;
}

/** Loading or storing a model: what is done of what there is, in bytes. */
export interface Progress {
  readonly stage: 'download' | 'store' | 'load';
  readonly done: number;
  /** undefined while it is not known */
  readonly total: number | undefined;
}

/** Where a user's own models go; only a device has it. */
export interface ModelStore {
  /**
   * Checks a GGUF file and keeps a copy in the browser's Origin Private File System.
   *
   * @returns the id of the model
   * @throws TransportError one sentence for the user: no GGUF, damaged, unsupported, or no room
   */
  add(file: File, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<string>;
  remove(modelId: string): Promise<void>;
}

/** See the file's header. */
export interface Transport {
  readonly kind: 'server' | 'device';
  /** @throws TransportError */
  models(signal: AbortSignal): Promise<readonly ModelChoice[]>;
  /**
   * Gets a model ready to answer. A reply does it by itself; this is for telling how far it is.
   *
   * @throws TransportError
   */
  load(modelId: string, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Runtime>;
  /**
   * Streams a reply; ends early, with the signal's reason, when aborted, and then the model computes no further.
   *
   * @throws TransportError
   */
  reply(request: ReplyRequest, signal: AbortSignal): AsyncGenerator<ReplyDelta, ReplyEnd, undefined>;
  /** How busy whatever runs the models is now. @throws TransportError */
  machine(signal: AbortSignal): Promise<MachineReading>;
  readonly inside: InsideSource;
  readonly store: ModelStore | undefined;
}

/** What went wrong, in one sentence for the user. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /**
   * `unauthorised`: the server wants an API key; `unreachable`: nobody answers; `context-full`: the conversation is longer than
   * the context; `refused`: everything else.
   */
  readonly reason: 'unauthorised' | 'unreachable' | 'context-full' | 'refused';

  constructor(reason: TransportError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
