/**
 * The list of tokens of a model and what kind each one is. Every other file of this folder reads it; it is built by
 * from-gguf.ts and from-huggingface.ts from untrusted lists and checks them. It knows nothing of merging or of text.
 */
import { BitnetError } from '../base/errors.ts';
import { TextIndex } from '../formats/text-index.ts';
import type { TextList } from '../formats/text-list.ts';

/** Kinds of tokens, with the numbers of GGUF's `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** More tokens than any known model has (262,144), and few enough that a hostile file cannot exhaust memory. */
const MAX_TOKENS = 1 << 21;

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** Tokens by id and ids by token. */
export class Vocabulary {
  /** Token texts by id; unused ids may have ''. */
  readonly texts: TextList;
  /** One of {@link TOKEN_TYPE} per id. */
  readonly types: Uint8Array;
  readonly #ids: TextIndex;

  /**
   * @param types one of {@link TOKEN_TYPE} per token; kept, not copied
   * @throws BitnetError `tokenizer/bad-vocabulary` when the list is empty or too long, the two differ in length, or a
   *   type or a byte token is unknown
   */
  constructor(texts: TextList, types: Uint8Array) {
    if (texts.length === 0 || texts.length > MAX_TOKENS) {
      throw badVocabulary(`it has ${texts.length} tokens where 1 to ${MAX_TOKENS} are possible`);
    }
    if (texts.length !== types.length) {
      throw badVocabulary(`it has ${texts.length} tokens but ${types.length} token types`);
    }
    this.texts = texts;
    this.types = types;
    this.#ids = new TextIndex(texts);
    for (let id = 0; id < texts.length; id++) {
      const type = types[id]!;
      if (type < TOKEN_TYPE.normal || type > TOKEN_TYPE.byte) {
        throw badVocabulary(`token ${id} has the unknown type ${type}`);
      }
      if (type === TOKEN_TYPE.byte && !BYTE_TOKEN.test(this.textOf(id))) {
        throw badVocabulary(`token ${id} is a byte token but is not written like <0x0A>`);
      }
      // Of equal tokens the first one counts; padding may repeat.
      if (type !== TOKEN_TYPE.unused) this.#ids.add(id);
    }
  }

  /** Number of ids. */
  get size(): number {
    return this.texts.length;
  }

  /** The id of a token of any kind. */
  idOf(text: string): number | undefined {
    const id = this.#ids.indexOf(text);
    return id === -1 ? undefined : id;
  }

  /** The id of a token that ordinary text may become, or -1: control, unknown and byte tokens do not count. */
  ordinaryIdOf(text: string): number {
    return this.#ifOrdinary(this.#ids.indexOf(text));
  }

  /** As {@link ordinaryIdOf}, for the text with the UTF-8 bytes `[from, end)`. */
  ordinaryIdOfBytes(bytes: Uint8Array, from: number, end: number): number {
    return this.#ifOrdinary(this.#ids.indexOfBytes(bytes, from, end));
  }

  /** The id of the token of any kind with the UTF-8 bytes `[from, end)`, or -1. */
  idOfBytes(bytes: Uint8Array, from: number, end: number): number {
    return this.#ids.indexOfBytes(bytes, from, end);
  }

  /**
   * The id of the token of any kind with the UTF-8 bytes `[from, end)` and behind them `[from2, end2)`, or -1.
   *
   * @param guess the id that it probably is, or the one before
   */
  idOfJoinedBytes(
    bytes: Uint8Array,
    from: number,
    end: number,
    from2: number,
    end2: number,
    guess: number,
  ): number {
    return this.#ids.indexOfJoined(bytes, from, end, from2, end2, guess);
  }

  #ifOrdinary(id: number): number {
    return id !== -1 && this.isOrdinary(id) ? id : -1;
  }

  /** Whether ordinary text may become this token. */
  isOrdinary(id: number): boolean {
    const type = this.types[id];
    return type === TOKEN_TYPE.normal || type === TOKEN_TYPE.userDefined;
  }

  /** Whether the id is a control token (or the unknown token). */
  isSpecial(id: number): boolean {
    const type = this.types[id];
    return type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown;
  }

  /** Makes a normal token a control token, because the model's files name it as the beginning or end of texts. */
  makeControl(id: number): void {
    if (this.types[id] === TOKEN_TYPE.normal) this.types[id] = TOKEN_TYPE.control;
  }

  /** Ids of all tokens of one type, ascending. */
  idsOfType(type: number): number[] {
    const ids: number[] = [];
    for (let id = 0; id < this.types.length; id++) if (this.types[id] === type) ids.push(id);
    return ids;
  }

  /** The token's text. @throws BitnetError `tokenizer/bad-id` */
  textOf(id: number): string {
    const text = this.texts.textAt(id);
    if (text === undefined) {
      throw new BitnetError(
        'tokenizer/bad-id',
        `token ${id} is not in the vocabulary of ${this.size} tokens; pass ids of this model only`,
        { details: { id, vocabSize: this.size } },
      );
    }
    return text;
  }

  /** Ids of the tokens `<0x00>` to `<0xFF>`, -1 where there is none; undefined when there is none at all. */
  byteIds(): Int32Array | undefined {
    const ids = new Int32Array(256).fill(-1);
    let found = false;
    for (let byte = 0; byte < 256; byte++) {
      const id = this.#ids.indexOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === -1) continue;
      ids[byte] = id;
      found = true;
    }
    return found ? ids : undefined;
  }

  /** The byte that a byte token stands for, undefined for other tokens. */
  byteOf(id: number): number | undefined {
    if (this.types[id] !== TOKEN_TYPE.byte) return undefined;
    return Number.parseInt(this.textOf(id).slice(3, 5), 16);
  }
}

/** The error for a token list that cannot be right. */
export function badVocabulary(why: string): BitnetError {
  return new BitnetError('tokenizer/bad-vocabulary', `the tokenizer's vocabulary is damaged: ${why}`);
}
