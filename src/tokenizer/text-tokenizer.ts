/**
 * The one implementation of {@link Tokenizer}: literal tokens are cut out of the text (added-tokens.ts), a codec turns
 * the stretches between them into ids (bpe.ts or spm.ts), and beginning and end tokens are put around the whole.
 */
import { type AddedToken, AddedTokens } from './added-tokens.ts';
import { type DecodeOptions, type EncodeOptions, spacePrefixRemover, type Tokenizer } from './tokenizer.ts';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

/** Ordinary text to ids and ids to bytes, in one of the two ways that models do it. */
export interface SegmentCodec {
  /**
   * Appends the ids of a stretch of text that contains no literal token.
   *
   * @param isFirst whether the whole text begins with this stretch
   */
  encodeSegment(text: string, isFirst: boolean, out: number[]): void;
  /** The UTF-8 bytes of a token. @throws BitnetError `tokenizer/bad-id` */
  tokenBytes(id: number): Uint8Array;
}

/** What a tokenizer is made of; ids are inside the vocabulary, and bosId and eosId exist where they are added. */
export interface TokenizerParts {
  readonly vocabulary: Vocabulary;
  readonly codec: SegmentCodec;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly stopIds: ReadonlySet<number>;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  readonly addsSpacePrefix: boolean;
  /** Literal tokens that swallow whitespace around them; all others are derived from the vocabulary. */
  readonly strippingTokens?: ReadonlyMap<number, AddedToken>;
  /** Applied to every stretch of ordinary text first (Unicode normalisation). */
  readonly normalize?: (text: string) => string;
}

/**
 * A tokenizer from its parts.
 *
 * @throws BitnetError `tokenizer/bad-added-token` when a control or user-defined token is empty or too long
 */
export function createTextTokenizer(parts: TokenizerParts): Tokenizer {
  return new TextTokenizer(parts);
}

class TextTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly stopIds: ReadonlySet<number>;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  readonly addsSpacePrefix: boolean;
  readonly specialTexts: readonly string[];
  readonly #vocabulary: Vocabulary;
  readonly #codec: SegmentCodec;
  readonly #normalize: ((text: string) => string) | undefined;
  /** Literal tokens of every text. */
  readonly #userDefined: AddedTokens;
  /** Literal tokens when control tokens are to be recognised. */
  readonly #all: AddedTokens;

  constructor(parts: TokenizerParts) {
    const { vocabulary } = parts;
    this.vocabSize = vocabulary.size;
    if (parts.bosId !== undefined) this.bosId = parts.bosId;
    if (parts.eosId !== undefined) this.eosId = parts.eosId;
    this.stopIds = parts.stopIds;
    this.addsBos = parts.addsBos;
    this.addsEos = parts.addsEos;
    this.addsSpacePrefix = parts.addsSpacePrefix;
    this.#vocabulary = vocabulary;
    this.#codec = parts.codec;
    this.#normalize = parts.normalize;
    const asAdded = (id: number): AddedToken =>
      parts.strippingTokens?.get(id) ?? { id, text: vocabulary.textOf(id) };
    const userDefined = vocabulary.idsOfType(TOKEN_TYPE.userDefined).map(asAdded);
    const special = vocabulary.idsOfType(TOKEN_TYPE.control).concat(vocabulary.idsOfType(TOKEN_TYPE.unknown));
    this.specialTexts = special.map((id) => vocabulary.textOf(id));
    this.#userDefined = new AddedTokens(userDefined);
    this.#all = new AddedTokens(special.map(asAdded).concat(userDefined));
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    if ((options.addBos ?? this.addsBos) && this.bosId !== undefined) ids.push(this.bosId);
    const literals = options.parseSpecial === true ? this.#all : this.#userDefined;
    let isFirst = true;
    literals.split(
      text,
      options.plainAt,
      (stretch) => {
        const normal = this.#normalize === undefined ? stretch : this.#normalize(stretch);
        this.#codec.encodeSegment(normal, isFirst, ids);
        isFirst = false;
      },
      (id) => {
        ids.push(id);
        isFirst = false;
      },
    );
    if ((options.addEos ?? this.addsEos) && this.eosId !== undefined) ids.push(this.eosId);
    return ids;
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const trim = spacePrefixRemover(this, options);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      if (options.skipSpecial === true && this.isSpecial(id)) continue;
      const bytes = trim(this.tokenBytes(id), id);
      parts.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let offset = 0;
    for (const bytes of parts) {
      joined.set(bytes, offset);
      offset += bytes.length;
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(joined);
  }

  tokenBytes(id: number): Uint8Array {
    return this.#codec.tokenBytes(id);
  }

  tokenText(id: number): string {
    return this.#vocabulary.textOf(id);
  }

  isSpecial(id: number): boolean {
    return this.#vocabulary.isSpecial(id);
  }

  idOf(tokenText: string): number | undefined {
    return this.#vocabulary.idOf(tokenText);
  }
}
