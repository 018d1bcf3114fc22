/**
 * A tokenizer from the files of a Hugging Face model: tokenizer.json (BPE, byte-level or SentencePiece-like), and, where
 * they are there, tokenizer_config.json, generation_config.json and config.json for the tokens that begin and end a
 * text. What surrounds the merging is read in huggingface-pipeline.ts. WordPiece, Unigram and everything else that no
 * ternary model uses is refused by name.
 */
import { BitnetError } from '../base/errors.ts';
import { TextList } from '../formats/text-list.ts';
import type { AddedToken } from './added-tokens.ts';
import { ByteLevelCodec, MergeResolver } from './bpe.ts';
import type { TokenizerResult } from './from-gguf.ts';
import {
  asId,
  badJson,
  JsonObject,
  type Pipeline,
  readPipeline,
  readTemplateEnds,
  unsupported,
} from './huggingface-pipeline.ts';
import { MergeTable } from './merge-table.ts';
import { SentencePieceCodec } from './spm.ts';
import { findStopIds } from './stop-tokens.ts';
import { createTextTokenizer, type SegmentCodec } from './text-tokenizer.ts';
import { badVocabulary, TOKEN_TYPE, Vocabulary } from './vocabulary.ts';

/** The files, each as its text or as the value that JSON.parse gave. */
export interface HuggingFaceTokenizerFiles {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig?: unknown;
  readonly generationConfig?: unknown;
  readonly config?: unknown;
}

/** Ids that the vocabulary may skip altogether; more would be a way to allocate much from a small file. */
const MAX_HOLES = 65536;
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/** What the files say, read and checked, before a tokenizer is made of it. */
export interface HuggingFaceTokenizerParts {
  /** tokenizer.json's `model`. */
  readonly model: JsonObject;
  readonly pipeline: Pipeline;
  readonly vocabulary: Vocabulary;
  /** Tokens that swallow whitespace around them, by id. */
  readonly strippingTokens: ReadonlyMap<number, AddedToken>;
  readonly ends: ChosenEnds;
}

/**
 * The tokenizer of a Hugging Face model.
 *
 * @throws BitnetError `tokenizer/bad-json`, `tokenizer/unsupported-part`, `tokenizer/bad-vocabulary`,
 *   `tokenizer/bad-merges` or `tokenizer/bad-added-token`
 */
export function tokenizerFromHuggingFace(files: HuggingFaceTokenizerFiles): TokenizerResult {
  return tokenizerFromParts(readHuggingFaceParts(files));
}

/**
 * Reads the files as far as a conversion needs them.
 *
 * @throws BitnetError `tokenizer/bad-json`, `tokenizer/unsupported-part` or `tokenizer/bad-vocabulary`
 */
export function readHuggingFaceParts(files: HuggingFaceTokenizerFiles): HuggingFaceTokenizerParts {
  const root = parse(files.tokenizerJson, 'tokenizer.json');
  const model = root.object('model');
  if (model === undefined) throw badJson('tokenizer.json model', 'an object');
  checkModel(model);
  const pipeline = readPipeline(root);
  const settings = readSettings(files);
  const added = readAddedTokens(root);
  const { vocabulary, strippingTokens } = readVocabulary(model, added, settings.vocabSize);
  const ends = chooseEnds(root, settings, vocabulary);
  for (const id of ends.named) vocabulary.makeControl(id);
  return { model, pipeline, vocabulary, strippingTokens, ends };
}

/**
 * The tokenizer that the files describe.
 *
 * @throws BitnetError `tokenizer/bad-merges`, `tokenizer/bad-vocabulary` or `tokenizer/bad-added-token`
 */
export function tokenizerFromParts(parts: HuggingFaceTokenizerParts): TokenizerResult {
  const { model, pipeline, vocabulary, strippingTokens, ends } = parts;
  const codec = makeCodec(model, pipeline, vocabulary);
  const { stopIds, corrections } = findStopIds(vocabulary, ends.stops);
  const tokenizer = createTextTokenizer({
    vocabulary,
    codec,
    bosId: ends.bosId,
    eosId: ends.eosId,
    stopIds,
    addsBos: ends.addsBos,
    addsEos: ends.addsEos,
    addsSpacePrefix: pipeline.kind === 'sentencepiece' && pipeline.spacePrefix.where !== 'never',
    strippingTokens,
    normalize: pipeline.normalize,
  });
  return { tokenizer, corrections: [...ends.corrections, ...corrections] };
}

function parse(file: unknown, name: string): JsonObject {
  if (typeof file !== 'string') return new JsonObject(file, name);
  try {
    return new JsonObject(JSON.parse(file), name);
  } catch (cause) {
    if (cause instanceof BitnetError) throw cause;
    throw new BitnetError('tokenizer/bad-json', `${name} is not JSON: ${String(cause)}`, { cause });
  }
}

function checkModel(model: JsonObject): void {
  const type = model.text('type') ?? 'BPE';
  if (type !== 'BPE') throw unsupported('model', JSON.stringify(type));
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    if ((model.text(key) ?? '') !== '') throw unsupported('model', `one with ${key}`);
  }
  if ((model.raw('dropout') ?? 0) !== 0) throw unsupported('model', 'one with dropout');
}

interface ListedToken extends AddedToken {
  readonly special: boolean;
}

function readAddedTokens(root: JsonObject): ListedToken[] {
  return (root.list('added_tokens') ?? []).map((item, index) => {
    const where = `tokenizer.json added_tokens[${index}]`;
    const token = new JsonObject(item, where);
    const text = token.text('content');
    if (text === undefined) throw badJson(`${where}.content`, 'text');
    if (token.flag('single_word') === true) throw unsupported('added token', `${text}, a single_word`);
    return {
      id: asId(token.raw('id'), `${where}.id`),
      text,
      special: token.flag('special') ?? false,
      stripsLeft: token.flag('lstrip') ?? false,
      stripsRight: token.flag('rstrip') ?? false,
    };
  });
}

function readVocabulary(
  model: JsonObject,
  added: readonly ListedToken[],
  declaredSize: number | undefined,
): { vocabulary: Vocabulary; strippingTokens: Map<number, AddedToken> } {
  const listed = model.object('vocab');
  if (listed === undefined) throw badJson('tokenizer.json model.vocab', 'an object');
  const idsByText = listed.record;
  const texts = Object.keys(idsByText);
  let size = declaredSize ?? 0;
  for (const text of texts) {
    size = Math.max(size, asId(idsByText[text], 'every id in tokenizer.json model.vocab') + 1);
  }
  for (const token of added) size = Math.max(size, token.id + 1);
  if (declaredSize !== undefined && size > declaredSize) {
    throw badVocabulary(`it has the token ${size - 1} but config.json says vocab_size ${declaredSize}`);
  }
  if (size > texts.length + added.length + MAX_HOLES) {
    throw badVocabulary(`it has ${texts.length + added.length} tokens but ids up to ${size - 1}`);
  }
  const tokens = new Array<string>(size).fill('');
  const types = new Uint8Array(size).fill(TOKEN_TYPE.unused);
  const put = (text: string, id: number, type: number): void => {
    if (types[id] !== TOKEN_TYPE.unused && tokens[id] !== text) {
      throw badVocabulary(`${JSON.stringify(text)} and ${JSON.stringify(tokens[id])} have the same id ${id}`);
    }
    tokens[id] = text;
    types[id] = type;
  };
  const hasByteTokens = model.flag('byte_fallback') === true;
  for (const text of texts) {
    const isByte = hasByteTokens && BYTE_TOKEN.test(text);
    put(text, idsByText[text] as number, isByte ? TOKEN_TYPE.byte : TOKEN_TYPE.normal);
  }
  const strippingTokens = new Map<number, AddedToken>();
  for (const token of added) {
    put(token.text, token.id, token.special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined);
    if (token.stripsLeft || token.stripsRight) strippingTokens.set(token.id, token);
  }
  return { vocabulary: new Vocabulary(TextList.of(tokens), types), strippingTokens };
}

/** What the configuration files say about the tokens around a text. */
interface Settings {
  readonly modelType: string | undefined;
  readonly vocabSize: number | undefined;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly bosIds: readonly number[];
  readonly eosIds: readonly number[];
  readonly addsBos: boolean | undefined;
  readonly addsEos: boolean | undefined;
}

function readSettings(files: HuggingFaceTokenizerFiles): Settings {
  const config = parse(files.config ?? {}, 'config.json');
  const generation = parse(files.generationConfig ?? {}, 'generation_config.json');
  const tokenizer = parse(files.tokenizerConfig ?? {}, 'tokenizer_config.json');
  return {
    modelType: config.text('model_type'),
    vocabSize: config.id('vocab_size'),
    bosToken: tokenName(tokenizer, 'bos_token'),
    eosToken: tokenName(tokenizer, 'eos_token'),
    bosIds: [...ids(config, 'bos_token_id'), ...ids(generation, 'bos_token_id')],
    eosIds: [...ids(config, 'eos_token_id'), ...ids(generation, 'eos_token_id')],
    addsBos: tokenizer.flag('add_bos_token'),
    addsEos: tokenizer.flag('add_eos_token'),
  };
}

/** A token is written as its text or as an object with its text. */
function tokenName(tokenizer: JsonObject, key: string): string | undefined {
  return typeof tokenizer.raw(key) === 'object'
    ? tokenizer.object(key)?.text('content')
    : tokenizer.text(key);
}

function ids(file: JsonObject, key: string): number[] {
  const value = file.raw(key);
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((id) => asId(id, key));
}

/** Tokens around a text, chosen from all files. */
export interface ChosenEnds {
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  /** Tokens after which generation ends, according to the files. */
  readonly stops: ReadonlySet<number>;
  /** All tokens that the files name for the beginning or the end of a text. */
  readonly named: ReadonlySet<number>;
  readonly corrections: readonly string[];
}

function chooseEnds(root: JsonObject, settings: Settings, vocabulary: Vocabulary): ChosenEnds {
  const template = readTemplateEnds(root);
  const idOf = (name: string | undefined): number | undefined => {
    if (name === undefined || name === '') return undefined;
    const id = vocabulary.idOf(name);
    if (id === undefined)
      throw badVocabulary(`tokenizer_config.json names ${JSON.stringify(name)}, which is no token`);
    return id;
  };
  const bosId = template?.bosId ?? idOf(settings.bosToken) ?? settings.bosIds[0];
  const eosId = idOf(settings.eosToken) ?? settings.eosIds[0] ?? template?.eosId;
  const stops = new Set(settings.eosIds);
  if (eosId !== undefined) stops.add(eosId);
  const named = new Set(stops);
  if (bosId !== undefined) named.add(bosId);
  if (template?.eosId !== undefined) named.add(template.eosId);
  for (const id of named) vocabulary.textOf(id);
  const corrections: string[] = [];
  let addsBos = template === undefined ? settings.addsBos : template.bosId !== undefined;
  if (addsBos === undefined && bosId !== undefined && settings.modelType === 'bitnet') {
    addsBos = true;
    corrections.push(
      `The files do not say whether texts begin with ${vocabulary.textOf(bosId)} (${bosId}); BitNet models are ` +
        'trained with it, so it is added.',
    );
  }
  const addsEos = template === undefined ? settings.addsEos === true : template.eosId !== undefined;
  return {
    bosId,
    eosId: template?.eosId ?? eosId,
    addsBos: addsBos === true && bosId !== undefined,
    addsEos: addsEos && (template?.eosId ?? eosId) !== undefined,
    stops,
    named,
    corrections,
  };
}

function makeCodec(model: JsonObject, pipeline: Pipeline, vocabulary: Vocabulary): SegmentCodec {
  const listed = model.list('merges') ?? [];
  const merges = resolveMerges(listed, vocabulary);
  const unknown = model.text('unk_token');
  const unknownId = unknown === undefined ? undefined : vocabulary.idOf(unknown);
  if (unknown !== undefined && unknownId === undefined) {
    throw badVocabulary(`its unknown token ${JSON.stringify(unknown)} is no token`);
  }
  if (pipeline.kind === 'byte-level') {
    const { pieceEnd, addPrefixSpace } = pipeline;
    const ignoreMerges = model.flag('ignore_merges') ?? false;
    return new ByteLevelCodec({ vocabulary, merges, pieceEnd, ignoreMerges, addPrefixSpace, unknownId });
  }
  return new SentencePieceCodec({
    vocabulary,
    merges,
    spacePrefix: pipeline.spacePrefix,
    splitsAtSpaces: pipeline.splitsAtSpaces,
    byteFallback: model.flag('byte_fallback') ?? false,
    fuseUnknown: model.flag('fuse_unk') ?? false,
    unknownId,
  });
}

function resolveMerges(listed: readonly unknown[], vocabulary: Vocabulary): MergeTable {
  const resolver = new MergeResolver(vocabulary, listed.length, 'tokenizer.json model.merges');
  forEachMerge(listed, (left, right) => resolver.addTexts(left, right));
  return new MergeTable(resolver.merges);
}

/**
 * Calls back for every merge of tokenizer.json, in order.
 *
 * @throws BitnetError `tokenizer/bad-json`
 */
export function forEachMerge(
  listed: readonly unknown[],
  onMerge: (left: string, right: string) => void,
): void {
  for (let index = 0; index < listed.length; index++) {
    const pair = asPair(listed[index]);
    if (pair === undefined) throw badJson(`tokenizer.json model.merges[${index}]`, 'two tokens');
    onMerge(pair[0], pair[1]);
  }
}

/** A merge is written "left right", in newer files ["left", "right"]. */
function asPair(entry: unknown): readonly [string, string] | undefined {
  if (typeof entry === 'string') {
    const space = entry.indexOf(' ');
    const isPair = space > 0 && space < entry.length - 1 && !entry.includes(' ', space + 1);
    return isPair ? [entry.slice(0, space), entry.slice(space + 1)] : undefined;
  }
  if (!Array.isArray(entry) || entry.length !== 2) return undefined;
  const [left, right]: unknown[] = entry;
  return typeof left === 'string' && typeof right === 'string' ? [left, right] : undefined;
}
