/**
 * What the rest of the package sees of a tokenizer: text to token ids, ids to text, and a decoder that turns a stream
 * of generated ids into text without ever splitting a character. from-gguf.ts and from-huggingface.ts build the
 * implementation (text-tokenizer.ts); chat/ builds prompts on top. Nothing here knows how text is cut into tokens.
 */

/** How text becomes ids. */
export interface EncodeOptions {
  /** Put the beginning-of-text token first; default: the model's own setting ({@link Tokenizer.addsBos}). */
  readonly addBos?: boolean;
  /** Put the end-of-text token last; default: the model's own setting ({@link Tokenizer.addsEos}). */
  readonly addEos?: boolean;
  /**
   * Turn the text of a special token (`<|eot_id|>`) into that token. Default false: it is encoded as ordinary text, so
   * that nobody can end a turn or start another one by typing it.
   */
  readonly parseSpecial?: boolean;
  /** With parseSpecial: indexes (UTF-16 units) of characters that are never part of a special token. */
  readonly plainAt?: ReadonlySet<number>;
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leave out control tokens; default false. */
  readonly skipSpecial?: boolean;
  /**
   * The ids continue an earlier text. Only SentencePiece vocabularies differ: the space that they put before every
   * text is taken away again at the start of a text, and kept in a continuation. Default false.
   */
  readonly continuation?: boolean;
}

/** Text to ids and back, for one model. Immutable apart from caches. */
export interface Tokenizer {
  /** Number of ids: valid ids are 0 to vocabSize - 1. */
  readonly vocabSize: number;
  /** Beginning-of-text token, when the model has one. */
  readonly bosId?: number;
  /** End-of-text token, when the model has one. */
  readonly eosId?: number;
  /** Tokens after which generation ends: end of text, and end of turn. */
  readonly stopIds: ReadonlySet<number>;
  /** Whether the model expects {@link bosId} before every text; then there is one. */
  readonly addsBos: boolean;
  /** Whether the model expects {@link eosId} after every text (embedding models); then there is one. */
  readonly addsEos: boolean;
  /** Whether encoding puts a space before the text, which decoding takes away (SentencePiece). */
  readonly addsSpacePrefix: boolean;
  /** Texts of the control tokens, for whoever must know whether a text contains one. */
  readonly specialTexts: readonly string[];

  /**
   * The ids of a text. Lone surrogates count as U+FFFD.
   *
   * @throws BitnetError `tokenizer/unencodable` when the vocabulary has no token at all for a character of the text
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * The text of ids; bytes that are not UTF-8 become U+FFFD.
   *
   * @throws BitnetError `tokenizer/bad-id` for an id outside the vocabulary
   */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /**
   * The UTF-8 bytes that a token stands for; they need not be whole characters.
   *
   * @throws BitnetError `tokenizer/bad-id` for an id outside the vocabulary
   */
  tokenBytes(id: number): Uint8Array;
  /**
   * The token as the vocabulary writes it (`Ġthe`, `▁the`, `<|eot_id|>`).
   *
   * @throws BitnetError `tokenizer/bad-id` for an id outside the vocabulary
   */
  tokenText(id: number): string;
  /** Whether the id is a control token: never produced by ordinary text. False for ids outside the vocabulary. */
  isSpecial(id: number): boolean;
  /** The id of a token as the vocabulary writes it, control tokens included. */
  idOf(tokenText: string): number | undefined;
}

/** Text from a stream of ids. */
export interface TokenDecoder {
  /** Takes the next id; answers the text that is now complete, often '' in the middle of a character. */
  push(id: number): string;
  /** Ends the stream: what is left of an unfinished character becomes U+FFFD. The decoder may then be used anew. */
  flush(): string;
}

/** A function that takes the bytes of one token after the other and drops the space that a text starts with. */
export function spacePrefixRemover(
  tokenizer: Tokenizer,
  options: DecodeOptions,
): (bytes: Uint8Array, id: number) => Uint8Array {
  let pending = tokenizer.addsSpacePrefix && options.continuation !== true;
  return (bytes, id) => {
    if (!pending || bytes.length === 0 || tokenizer.isSpecial(id)) return bytes;
    pending = false;
    return bytes[0] === 0x20 ? bytes.subarray(1) : bytes;
  };
}

/**
 * A decoder for ids as they are generated. The pieces it gives, one after the other, are what
 * {@link Tokenizer.decode} would give for all ids at once, wherever the stream is cut.
 */
export function createDecoder(tokenizer: Tokenizer, options: DecodeOptions = {}): TokenDecoder {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let trim = spacePrefixRemover(tokenizer, options);
  return {
    push(id: number): string {
      if (options.skipSpecial === true && tokenizer.isSpecial(id)) return '';
      return utf8.decode(trim(tokenizer.tokenBytes(id), id), { stream: true });
    },
    flush(): string {
      trim = spacePrefixRemover(tokenizer, options);
      return utf8.decode();
    },
  };
}

/** A token as people are shown it: its text; bytes that are no whole character are written as `\xe2`. */
export function tokenDisplay(tokenizer: Tokenizer, id: number): string {
  if (tokenizer.isSpecial(id)) return tokenizer.tokenText(id);
  const bytes = tokenizer.tokenBytes(id);
  const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
  return textOfBytes(bytes) ?? Array.from(bytes, hex).join('');
}

/** The text of bytes, or undefined when they are not UTF-8. */
export function textOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
