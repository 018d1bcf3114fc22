/**
 * Byte-level byte pair encoding, as introduced with GPT-2 and used by Llama 3, BitNet 2B4T, Falcon 3 and Qwen: text is
 * cut into pieces (pretokenize.ts), each piece becomes UTF-8 bytes, and the bytes are merged (merge-table.ts). The
 * vocabulary writes bytes as printable characters (space is Ġ); that alphabet lives here.
 */
import { BitnetError } from '../base/errors.ts';
import { decodeUtf8, utf8Bound, writeUtf8 } from '../formats/utf8.ts';
import { MergeList, type MergeTable } from './merge-table.ts';
import { forEachPiece, type PieceEnd } from './pretokenize.ts';
import type { SegmentCodec } from './text-tokenizer.ts';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

/** Strings shorter than this are copies in V8; longer slices keep the text alive that they were cut from. */
const CACHED_UNITS = 12;
const CACHE_ENTRIES = 16384;

/** Bytes that stand for themselves; the others are written, in order, as U+0100 and following. */
function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

function makeByteCharacters(): string[] {
  const characters: string[] = [];
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    characters.push(String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others++));
  }
  return characters;
}

/** How the vocabulary writes each byte. */
export const BYTE_CHARACTERS: readonly string[] = makeByteCharacters();

/** The byte by the code of its character. */
const BYTE_BY_CODE: ReadonlyMap<number, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character.charCodeAt(0), byte]),
);

/** The bytes that a token of the byte alphabet stands for, undefined when it has other characters. */
function bytesOfText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = BYTE_BY_CODE.get(text.charCodeAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** What a byte-level tokenizer is made of. */
export interface ByteLevelParts {
  readonly vocabulary: Vocabulary;
  readonly merges: MergeTable;
  readonly pieceEnd: PieceEnd;
  /** A piece that is itself a token is that token, whatever its merges say. */
  readonly ignoreMerges: boolean;
  /** Token of a byte that the vocabulary lacks; without it such a byte is an error. */
  readonly unknownId?: number;
  /** Puts a space before every stretch of text that does not begin with one. */
  readonly addPrefixSpace?: boolean;
}

/** Pieces to ids and ids to bytes, for byte-level vocabularies. */
export class ByteLevelCodec implements SegmentCodec {
  readonly #parts: ByteLevelParts;
  /** Token of each byte, -1 where there is none. */
  readonly #byteIds = new Int32Array(256);
  /** In bytes as the vocabulary writes it, so at least one for every byte that it stands for. */
  readonly #longestToken: number;
  readonly #cache = new Map<string, readonly number[]>();
  readonly #utf8 = new TextEncoder();
  #bytes = new Uint8Array(256);
  #ids = new Int32Array(256);

  constructor(parts: ByteLevelParts) {
    this.#parts = parts;
    for (let byte = 0; byte < 256; byte++) {
      this.#byteIds[byte] = parts.vocabulary.ordinaryIdOf(BYTE_CHARACTERS[byte]!);
    }
    const { offsets } = parts.vocabulary.texts;
    let longest = 0;
    for (let id = 0; id < parts.vocabulary.size; id++) {
      longest = Math.max(longest, offsets[id + 1]! - offsets[id]!);
    }
    this.#longestToken = longest;
  }

  /** Appends the ids of a stretch of ordinary text. */
  encodeSegment(text: string, _isFirst: boolean, out: number[]): void {
    const spaced = this.#parts.addPrefixSpace === true && !text.startsWith(' ') ? ` ${text}` : text;
    forEachPiece(spaced, this.#parts.pieceEnd, (piece) => this.#encodePiece(piece, out));
  }

  #encodePiece(piece: string, out: number[]): void {
    const cached = piece.length <= CACHED_UNITS ? this.#cache.get(piece) : undefined;
    if (cached !== undefined) {
      for (const id of cached) out.push(id);
      return;
    }
    const before = out.length;
    this.#mergePiece(piece, out);
    if (piece.length > CACHED_UNITS) return;
    if (this.#cache.size >= CACHE_ENTRIES) this.#cache.clear();
    this.#cache.set(piece, out.slice(before));
  }

  #mergePiece(piece: string, out: number[]): void {
    const count = this.#toBytes(piece);
    if (this.#parts.ignoreMerges && count <= this.#longestToken) {
      let text = '';
      for (let i = 0; i < count; i++) text += BYTE_CHARACTERS[this.#bytes[i]!];
      const whole = this.#parts.vocabulary.ordinaryIdOf(text);
      if (whole !== -1) {
        out.push(whole);
        return;
      }
    }
    for (let i = 0; i < count; i++) this.#ids[i] = this.#idOfByte(this.#bytes[i]!);
    const length = this.#parts.merges.merge(this.#ids, count);
    for (let i = 0; i < length; i++) out.push(this.#ids[i]!);
  }

  /** Puts the UTF-8 bytes of a piece into #bytes and answers how many there are. */
  #toBytes(piece: string): number {
    if (piece.length * 3 > this.#bytes.length) {
      this.#bytes = new Uint8Array(piece.length * 4);
      this.#ids = new Int32Array(piece.length * 4);
    }
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i);
      if (code > 0x7f) return this.#utf8.encodeInto(piece, this.#bytes).written;
      this.#bytes[i] = code;
    }
    return piece.length;
  }

  #idOfByte(byte: number): number {
    const id = this.#byteIds[byte]!;
    if (id !== -1) return id;
    if (this.#parts.unknownId !== undefined) return this.#parts.unknownId;
    throw new BitnetError(
      'tokenizer/unencodable',
      `the model's vocabulary has no token for the byte 0x${byte.toString(16).padStart(2, '0')} and no unknown token; ` +
        'remove the character from the text',
      { details: { byte } },
    );
  }

  /** The bytes of a token; control and user-defined tokens stand for their own text. */
  tokenBytes(id: number): Uint8Array {
    const text = this.#parts.vocabulary.textOf(id);
    const isWritten = this.#parts.vocabulary.types[id] === TOKEN_TYPE.normal;
    return (isWritten ? bytesOfText(text) : undefined) ?? this.#utf8.encode(text);
  }
}

/** Takes merges as a file lists them, two tokens each and by ascending rank, and finds their ids. */
export class MergeResolver {
  /** The merges so far that ordinary text may go through. */
  readonly merges: MergeList;
  readonly #vocabulary: Vocabulary;
  readonly #listName: string;
  #rank = 0;
  /** Merges are mostly listed in the order of the tokens that they make, several for one token. */
  #lastResult = 0;
  #scratch = new Uint8Array(256);

  /**
   * @param count how many will be added
   * @param listName what to call the list in messages
   * @throws BitnetError `tokenizer/bad-merges` when there are too many
   */
  constructor(vocabulary: Vocabulary, count: number, listName: string) {
    this.merges = new MergeList(count);
    this.#vocabulary = vocabulary;
    this.#listName = listName;
  }

  /**
   * Adds the merge of the tokens with the UTF-8 bytes `[left, leftEnd)` and `[right, rightEnd)`.
   *
   * @throws BitnetError `tokenizer/bad-merges` when they are not two tokens whose union is a token
   */
  add(bytes: Uint8Array<ArrayBuffer>, left: number, leftEnd: number, right: number, rightEnd: number): void {
    const vocabulary = this.#vocabulary;
    const leftId = vocabulary.idOfBytes(bytes, left, leftEnd);
    const rightId = vocabulary.idOfBytes(bytes, right, rightEnd);
    const result = vocabulary.idOfJoinedBytes(bytes, left, leftEnd, right, rightEnd, this.#lastResult);
    if (leftId === -1 || rightId === -1 || result === -1) {
      const quoted = [decodeUtf8(bytes, left, leftEnd), decodeUtf8(bytes, right, rightEnd)].map((text) =>
        JSON.stringify(text?.slice(0, 40)),
      );
      throw new BitnetError(
        'tokenizer/bad-merges',
        `entry ${this.#rank} of ${this.#listName} joins ${quoted.join(' and ')}, which are not both tokens with a token ` +
          'for the two together',
        { details: { rank: this.#rank } },
      );
    }
    // Text must never become a control token by merging.
    if (vocabulary.isOrdinary(result)) this.merges.add(leftId, rightId, this.#rank, result);
    this.#rank++;
    this.#lastResult = result;
  }

  /** As {@link add}, for tokens that are strings. */
  addTexts(left: string, right: string): void {
    const bound = utf8Bound(left) + utf8Bound(right);
    if (this.#scratch.length < bound) this.#scratch = new Uint8Array(2 * bound);
    const leftEnd = writeUtf8(left, this.#scratch, 0);
    this.add(this.#scratch, 0, leftEnd, leftEnd, writeUtf8(right, this.#scratch, leftEnd));
  }
}
