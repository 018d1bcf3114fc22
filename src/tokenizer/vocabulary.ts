/**
 * The list of tokens of a model and what kind each one is. Every other file of this folder reads it; it is built by
 * from-gguf.ts and from-huggingface.ts from untrusted lists and checks them. It knows nothing of merging or of text.
 */
import { BitnetError } from '../base/errors.ts';

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
  /** Token texts by id; unused ids have ''. */
  readonly tokens: readonly string[];
  /** One of {@link TOKEN_TYPE} per id. */
  readonly types: Uint8Array;
  readonly #ids = new Map<string, number>();

  /**
   * @param types one of {@link TOKEN_TYPE} per token; kept, not copied
   * @throws BitnetError `tokenizer/bad-vocabulary` when the list is empty or too long, the two differ in length, or a
   *   type or a byte token is unknown
   */
  constructor(tokens: readonly string[], types: Uint8Array) {
    if (tokens.length === 0 || tokens.length > MAX_TOKENS) {
      throw badVocabulary(`it has ${tokens.length} tokens where 1 to ${MAX_TOKENS} are possible`);
    }
    if (tokens.length !== types.length) {
      throw badVocabulary(`it has ${tokens.length} tokens but ${types.length} token types`);
    }
    for (let id = 0; id < tokens.length; id++) {
      const text = tokens[id];
      if (typeof text !== 'string') throw badVocabulary(`token ${id} is not a string`);
      const type = types[id]!;
      if (type < TOKEN_TYPE.normal || type > TOKEN_TYPE.byte) {
        throw badVocabulary(`token ${id} has the unknown type ${type}`);
      }
      if (type === TOKEN_TYPE.byte && !BYTE_TOKEN.test(text)) {
        throw badVocabulary(`token ${id} is a byte token but is not written like <0x0A>`);
      }
      // Of equal tokens the first one counts; padding may repeat.
      if (type !== TOKEN_TYPE.unused && !this.#ids.has(text)) this.#ids.set(text, id);
    }
    this.tokens = tokens;
    this.types = types;
  }

  /** Number of ids. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token of any kind. */
  idOf(text: string): number | undefined {
    return this.#ids.get(text);
  }

  /** The id of a token that ordinary text may become, or -1: control, unknown and byte tokens do not count. */
  ordinaryIdOf(text: string): number {
    const id = this.#ids.get(text);
    return id !== undefined && this.isOrdinary(id) ? id : -1;
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
    const text = this.tokens[id];
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
      const id = this.#ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === undefined) continue;
      ids[byte] = id;
      found = true;
    }
    return found ? ids : undefined;
  }

  /** The byte that a byte token stands for, undefined for other tokens. */
  byteOf(id: number): number | undefined {
    if (this.types[id] !== TOKEN_TYPE.byte) return undefined;
    return Number.parseInt(this.tokens[id]!.slice(3, 5), 16);
  }
}

/** The error for a token list that cannot be right. */
export function badVocabulary(why: string): BitnetError {
  return new BitnetError('tokenizer/bad-vocabulary', `the tokenizer's vocabulary is damaged: ${why}`);
}
