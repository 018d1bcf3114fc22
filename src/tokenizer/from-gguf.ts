/**
 * A tokenizer from the `tokenizer.ggml.*` metadata of a GGUF file: model `gpt2` (byte-level BPE) or `llama`
 * (SentencePiece). Everything is checked against the vocabulary; what a file is known to say wrongly or not at all is
 * put right only where that is documented, and every such correction is reported. The key names are those of the GGUF
 * specification (ggml, docs/gguf.md).
 */
import { BitnetError } from '../base/errors.ts';
import type { GgufMetadata } from '../formats/gguf/metadata.ts';
import { TextList } from '../formats/text-list.ts';
import { ByteLevelCodec, MergeResolver } from './bpe.ts';
import { MergeTable } from './merge-table.ts';
import { type PreTokenizer, preTokenizerByName } from './pretokenize.ts';
import { mergesFromScores, SentencePieceCodec } from './spm.ts';
import { findStopIds } from './stop-tokens.ts';
import { createTextTokenizer, type TokenizerParts } from './text-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';
import { badVocabulary, TOKEN_TYPE, Vocabulary } from './vocabulary.ts';

/** What is known about the model besides its metadata. */
export interface GgufModelFacts {
  /** `general.architecture`. */
  readonly architecture: string;
}

/** A tokenizer, and a sentence for everything about it that the file does not say or says wrongly. */
export interface TokenizerResult {
  readonly tokenizer: Tokenizer;
  readonly corrections: readonly string[];
}

/** The byte between the two tokens of a merge. */
const SPACE = 0x20;

/** Architectures whose published files lack `tokenizer.ggml.pre` and are cut by Llama 3's rule. */
const WITHOUT_PRE: ReadonlySet<string> = new Set(['bitnet-b1.58', 'bitnet-25']);

/**
 * The tokenizer of a GGUF model.
 *
 * @param metadata all keys of the file
 * @throws BitnetError `tokenizer/missing-key`, `tokenizer/bad-key`, `tokenizer/bad-vocabulary`,
 *   `tokenizer/bad-merges`, `tokenizer/unsupported-model`, `tokenizer/missing-pre-tokenizer`,
 *   `tokenizer/unknown-pre-tokenizer` or `tokenizer/bad-added-token`
 */
export function tokenizerFromGguf(metadata: GgufMetadata, facts: GgufModelFacts): TokenizerResult {
  const reader = new MetadataReader(metadata);
  const model = reader.text('tokenizer.ggml.model');
  if (model === undefined) throw missing('tokenizer.ggml.model');
  const vocabulary = readVocabulary(reader, facts.architecture);
  if (model === 'gpt2') return byteLevelTokenizer(reader, vocabulary, facts.architecture);
  if (model === 'llama') return sentencePieceTokenizer(reader, vocabulary);
  throw new BitnetError(
    'tokenizer/unsupported-model',
    `the file's tokenizer is of the kind ${JSON.stringify(model.slice(0, 100))} (tokenizer.ggml.model); supported are ` +
      'gpt2 (byte-level BPE) and llama (SentencePiece)',
  );
}

/**
 * The tokens alone, for a conversion.
 *
 * @throws BitnetError `tokenizer/missing-key`, `tokenizer/bad-key` or `tokenizer/bad-vocabulary`
 */
export function vocabularyFromGguf(metadata: GgufMetadata, facts: GgufModelFacts): Vocabulary {
  return readVocabulary(new MetadataReader(metadata), facts.architecture);
}

function readVocabulary(reader: MetadataReader, architecture: string): Vocabulary {
  const tokens = reader.texts('tokenizer.ggml.tokens');
  if (tokens === undefined) throw missing('tokenizer.ggml.tokens');
  const types = readTypes(reader, tokens.length);
  const declared = reader.id(`${architecture}.vocab_size`);
  if (declared !== undefined && declared !== tokens.length) {
    throw badVocabulary(`${architecture}.vocab_size is ${declared} but there are ${tokens.length} tokens`);
  }
  const vocabulary = new Vocabulary(tokens, types);
  for (const role of ['bos', 'eos', 'eot', 'eom']) {
    const id = reader.tokenId(role, tokens.length);
    if (id !== undefined) vocabulary.makeControl(id);
  }
  return vocabulary;
}

function readTypes(reader: MetadataReader, count: number): Uint8Array {
  const listed = reader.numbers('tokenizer.ggml.token_type');
  if (listed === undefined) return new Uint8Array(count).fill(TOKEN_TYPE.normal);
  if (listed.length !== count) {
    throw badVocabulary(`it has ${count} tokens but ${listed.length} token types`);
  }
  const types = new Uint8Array(count);
  // Values above a byte must not wrap around into a valid type; 0 is refused by the vocabulary.
  for (let id = 0; id < count; id++) {
    const type = Number(listed[id]);
    types[id] = type >= TOKEN_TYPE.normal && type <= TOKEN_TYPE.byte ? type : 0;
  }
  return types;
}

function byteLevelTokenizer(
  reader: MetadataReader,
  vocabulary: Vocabulary,
  architecture: string,
): TokenizerResult {
  const corrections: string[] = [];
  const preTokenizer = choosePreTokenizer(reader, architecture, corrections);
  const listed = reader.texts('tokenizer.ggml.merges');
  if (listed === undefined) throw missing('tokenizer.ggml.merges');
  const merges = resolveMerges(listed, vocabulary);
  const codec = new ByteLevelCodec({
    vocabulary,
    merges,
    pieceEnd: preTokenizer.pieceEnd,
    ignoreMerges: preTokenizer.ignoreMerges,
    unknownId: reader.tokenId('unknown', vocabulary.size),
  });
  const ends = readEnds(reader, vocabulary, preTokenizer.addsBos);
  return finish({ vocabulary, codec, addsSpacePrefix: false, ...ends.parts }, [
    ...corrections,
    ...ends.corrections,
  ]);
}

function choosePreTokenizer(
  reader: MetadataReader,
  architecture: string,
  corrections: string[],
): PreTokenizer {
  const name = reader.text('tokenizer.ggml.pre');
  if (name !== undefined) return preTokenizerByName(name);
  if (!WITHOUT_PRE.has(architecture)) {
    throw new BitnetError(
      'tokenizer/missing-pre-tokenizer',
      'the file does not say how its text is cut (tokenizer.ggml.pre is missing), and guessing would give wrong tokens; ' +
        'use a file that was converted by a newer program',
    );
  }
  corrections.push(
    `The file has no tokenizer.ggml.pre; models of the architecture ${architecture} are cut by the rule llama-bpe.`,
  );
  return preTokenizerByName('llama-bpe');
}

function resolveMerges(listed: TextList, vocabulary: Vocabulary): MergeTable {
  const resolver = new MergeResolver(vocabulary, listed.length, 'tokenizer.ggml.merges');
  const { bytes, offsets } = listed;
  for (let i = 0; i < listed.length; i++) {
    const from = offsets[i]!;
    const end = offsets[i + 1]!;
    // The first character may itself be a space in vocabularies that are not written in the byte alphabet.
    let space = from + 1;
    while (space < end && bytes[space] !== SPACE) space++;
    if (space >= end - 1) {
      throw new BitnetError(
        'tokenizer/bad-merges',
        `entry ${i} of tokenizer.ggml.merges is ${JSON.stringify(listed.textAt(i)?.slice(0, 80))}, not two tokens with a ` +
          'space between',
      );
    }
    resolver.add(bytes, from, space, space + 1, end);
  }
  return new MergeTable(resolver.merges);
}

function sentencePieceTokenizer(reader: MetadataReader, vocabulary: Vocabulary): TokenizerResult {
  const scores = reader.numbers('tokenizer.ggml.scores');
  if (scores === undefined) throw missing('tokenizer.ggml.scores');
  if (!reader.has('tokenizer.ggml.token_type')) throw missing('tokenizer.ggml.token_type');
  if (scores.length !== vocabulary.size) {
    throw badVocabulary(`it has ${vocabulary.size} tokens but ${scores.length} scores`);
  }
  const addsSpacePrefix = reader.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const unknownId =
    reader.tokenId('unknown', vocabulary.size) ?? vocabulary.idsOfType(TOKEN_TYPE.unknown).at(0);
  const codec = new SentencePieceCodec({
    vocabulary,
    merges: mergesFromScores(vocabulary, scores),
    spacePrefix: { where: addsSpacePrefix ? 'always' : 'never', unlessPresent: false },
    byteFallback: true,
    unknownId,
    fuseUnknown: false,
    splitsAtSpaces: false,
  });
  const ends = readEnds(reader, vocabulary, true);
  return finish({ vocabulary, codec, addsSpacePrefix, ...ends.parts }, ends.corrections);
}

type Ends = Pick<TokenizerParts, 'bosId' | 'eosId' | 'stopIds' | 'addsBos' | 'addsEos'>;

function readEnds(
  reader: MetadataReader,
  vocabulary: Vocabulary,
  familyAddsBos: boolean,
): { parts: Ends; corrections: string[] } {
  const bosId = reader.tokenId('bos', vocabulary.size);
  const eosId = reader.tokenId('eos', vocabulary.size);
  const wantsBos = reader.flag('tokenizer.ggml.add_bos_token');
  const wantsEos = reader.flag('tokenizer.ggml.add_eos_token');
  if (wantsBos === true && bosId === undefined) throw missing('tokenizer.ggml.bos_token_id');
  if (wantsEos === true && eosId === undefined) throw missing('tokenizer.ggml.eos_token_id');
  const named = ['eos', 'eot', 'eom'].map((key) => reader.tokenId(key, vocabulary.size));
  const { stopIds, corrections } = findStopIds(
    vocabulary,
    named.filter((id) => id !== undefined),
  );
  const addsBos = (wantsBos ?? familyAddsBos) && bosId !== undefined;
  return { parts: { bosId, eosId, stopIds, addsBos, addsEos: wantsEos ?? false }, corrections };
}

function finish(parts: TokenizerParts, corrections: readonly string[]): TokenizerResult {
  return { tokenizer: createTextTokenizer(parts), corrections };
}

/** Reads metadata with its types checked. */
class MetadataReader {
  readonly #metadata: GgufMetadata;

  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata;
  }

  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  text(key: string): string | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw bad(key, 'text');
  }

  flag(key: string): boolean | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw bad(key, 'true or false');
  }

  id(key: string): number | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined) return undefined;
    const id = typeof value === 'bigint' ? Number(value) : value;
    if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return id;
    throw bad(key, 'a whole number that is not negative');
  }

  /** The id of `tokenizer.ggml.<role>_token_id`. */
  tokenId(role: string, vocabSize: number): number | undefined {
    const key = `tokenizer.ggml.${role}_token_id`;
    const id = this.id(key);
    if (id === undefined || id < vocabSize) return id;
    throw bad(key, `a token below ${vocabSize}, the size of the vocabulary`);
  }

  texts(key: string): TextList | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined || value instanceof TextList) return value;
    throw bad(key, 'a list of texts');
  }

  numbers(key: string): ArrayLike<number> | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined) return undefined;
    const isTyped = ArrayBuffer.isView(value) && !(value instanceof DataView);
    if (!isTyped && !Array.isArray(value)) throw bad(key, 'a list of numbers');
    const list = value as ArrayLike<unknown>;
    for (let i = 0; i < list.length; i++) {
      if (typeof list[i] !== 'number') throw bad(key, 'a list of numbers');
    }
    return list as ArrayLike<number>;
  }
}

function missing(key: string): BitnetError {
  return new BitnetError(
    'tokenizer/missing-key',
    `the file has no ${key}, so text cannot be turned into tokens; use a file that carries its tokenizer`,
    { details: { key } },
  );
}

function bad(key: string, wanted: string): BitnetError {
  return new BitnetError('tokenizer/bad-key', `${key} must be ${wanted}; the file is damaged`, {
    details: { key },
  });
}
