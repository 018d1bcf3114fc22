/**
 * SentencePiece's byte pair encoding as the Llama 1 and 2 families use it (arXiv:1808.06226; the 1bitLLM models): spaces
 * become ▁, the text starts with one, characters are merged by the scores of the merged tokens, and characters that the
 * vocabulary lacks are written as their UTF-8 bytes (`<0xE2>`). Also the same scheme in tokenizer.json form, where the
 * merges are listed instead of scored.
 *
 * NOTE every part of a token that is made by merging must itself be a token, as in all vocabularies that SentencePiece
 * trains; no merge goes through characters outside the vocabulary.
 */
import { BitnetError } from '../base/errors.ts';
import { MergeList, MergeTable } from './merge-table.ts';
import type { SegmentCodec } from './text-tokenizer.ts';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

/** What the vocabulary writes for a space (U+2581). */
export const SPACE_MARK = '▁';

/** Longer tokens are refused: their splits are enumerated. The Llama vocabulary's longest has 16 characters. */
const MAX_TOKEN_UNITS = 64;

/** Where a space is put before the text. */
export interface SpacePrefix {
  /** `first`: before the text; `always`: before every stretch between control tokens. */
  readonly where: 'never' | 'first' | 'always';
  /** Not before text that begins with a space. */
  readonly unlessPresent: boolean;
}

/** What a SentencePiece tokenizer is made of. */
export interface SentencePieceParts {
  readonly vocabulary: Vocabulary;
  readonly merges: MergeTable;
  readonly spacePrefix: SpacePrefix;
  /** Whether unknown characters are written as bytes, where the vocabulary has the bytes. */
  readonly byteFallback: boolean;
  /** Token of a character that can be written in no other way; without it such a character is an error. */
  readonly unknownId?: number;
  /** One unknown token for a run of unknown characters. */
  readonly fuseUnknown: boolean;
  /** Every ▁ starts a piece of its own, so that no token spans a space. */
  readonly splitsAtSpaces: boolean;
}

/** Text to ids and ids to bytes, for SentencePiece vocabularies. */
export class SentencePieceCodec implements SegmentCodec {
  readonly #parts: SentencePieceParts;
  readonly #byteIds: Int32Array | undefined;
  readonly #utf8 = new TextEncoder();

  constructor(parts: SentencePieceParts) {
    this.#parts = parts;
    this.#byteIds = parts.byteFallback ? parts.vocabulary.byteIds() : undefined;
  }

  /** Appends the ids of a stretch of ordinary text. */
  encodeSegment(text: string, isFirst: boolean, out: number[]): void {
    const { where, unlessPresent } = this.#parts.spacePrefix;
    const marked = text.replaceAll(' ', SPACE_MARK);
    const takesPrefix = where === 'always' || (where === 'first' && isFirst);
    const prefix = takesPrefix && !(unlessPresent && marked.startsWith(SPACE_MARK)) ? SPACE_MARK : '';
    const whole = prefix + marked;
    const pieces = this.#parts.splitsAtSpaces ? whole.split(/(?=▁)/u) : [whole];
    for (const piece of pieces) this.#encodePiece(piece, out);
  }

  #encodePiece(piece: string, out: number[]): void {
    const ids = new Int32Array(piece.length * 3);
    let count = 0;
    for (const character of piece) {
      const id = this.#parts.vocabulary.ordinaryIdOf(character);
      if (id === -1) count = this.#putUnknown(character, ids, count);
      else ids[count++] = id;
    }
    const length = this.#parts.merges.merge(ids, count);
    for (let i = 0; i < length; i++) out.push(ids[i]!);
  }

  /** Writes the bytes of a character without token, or the unknown token; answers the new count. */
  #putUnknown(character: string, ids: Int32Array, count: number): number {
    const bytes = this.#utf8.encode(character);
    if (this.#byteIds !== undefined && bytes.every((byte) => this.#byteIds![byte]! !== -1)) {
      let next = count;
      for (const byte of bytes) ids[next++] = this.#byteIds[byte]!;
      return next;
    }
    const { unknownId } = this.#parts;
    if (unknownId === undefined) {
      throw new BitnetError(
        'tokenizer/unencodable',
        `the model's vocabulary has no token for ${JSON.stringify(character)}, not all of its bytes and no unknown ` +
          'token; remove the character from the text',
        { details: { character } },
      );
    }
    if (this.#parts.fuseUnknown && count > 0 && ids[count - 1] === unknownId) return count;
    ids[count] = unknownId;
    return count + 1;
  }

  /** The bytes of a token: ▁ is a space, `<0xE2>` one byte, control tokens stand for their own text. */
  tokenBytes(id: number): Uint8Array {
    const { vocabulary } = this.#parts;
    const text = vocabulary.textOf(id);
    const byte = vocabulary.byteOf(id);
    if (byte !== undefined) return Uint8Array.of(byte);
    const isMarked = vocabulary.types[id] === TOKEN_TYPE.normal;
    return this.#utf8.encode(isMarked ? text.replaceAll(SPACE_MARK, ' ') : text);
  }
}

/** The rank of every token by descending score; equal scores share a rank. */
function ranksByScore(scores: ArrayLike<number>): Int32Array {
  const order = Array.from({ length: scores.length }, (_, id) => id);
  order.sort((a, b) => scores[b]! - scores[a]!);
  const ranks = new Int32Array(scores.length);
  let rank = 0;
  for (const [index, id] of order.entries()) {
    if (index > 0 && scores[id] !== scores[order[index - 1]!]) rank = index;
    ranks[id] = rank;
  }
  return ranks;
}

/**
 * The pairs of tokens that may merge: three ids each, left, right and the token of the two together.
 *
 * @param scores one finite number per token
 * @throws BitnetError `tokenizer/bad-vocabulary` when a score is not a number or a token is too long
 */
export function mergeablePairs(vocabulary: Vocabulary, scores: ArrayLike<number>): number[] {
  const { bytes, offsets } = vocabulary.texts;
  const pairs: number[] = [];
  for (let id = 0; id < vocabulary.size; id++) {
    if (!vocabulary.isOrdinary(id)) continue;
    const from = offsets[id]!;
    const end = offsets[id + 1]!;
    const units = end - from <= MAX_TOKEN_UNITS ? 0 : vocabulary.textOf(id).length;
    if (Number.isNaN(scores[id]) || units > MAX_TOKEN_UNITS) {
      throw new BitnetError(
        'tokenizer/bad-vocabulary',
        `token ${id} of the SentencePiece vocabulary has ${vocabulary.textOf(id).length} characters (at most ` +
          `${MAX_TOKEN_UNITS} are possible) and the score ${scores[id]}`,
      );
    }
    // A cut inside a character finds nothing: tokens are valid UTF-8.
    for (let cut = from + 1; cut < end; cut++) {
      const left = vocabulary.ordinaryIdOfBytes(bytes, from, cut);
      if (left === -1) continue;
      const right = vocabulary.ordinaryIdOfBytes(bytes, cut, end);
      if (right !== -1) pairs.push(left, right, id);
    }
  }
  return pairs;
}

/**
 * The merges that scores imply: two neighbouring tokens merge when their texts joined are a token, the token of the
 * highest score first.
 *
 * @throws BitnetError as {@link mergeablePairs}
 */
export function mergesFromScores(vocabulary: Vocabulary, scores: ArrayLike<number>): MergeTable {
  const ranks = ranksByScore(scores);
  const pairs = mergeablePairs(vocabulary, scores);
  const merges = new MergeList(pairs.length / 3);
  for (let i = 0; i < pairs.length; i += 3) {
    merges.add(pairs[i]!, pairs[i + 1]!, ranks[pairs[i + 2]!]!, pairs[i + 2]!);
  }
  return new MergeTable(merges);
}
