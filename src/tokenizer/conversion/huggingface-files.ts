/**
 * The tokenizer of a GGUF file as the files of a Hugging Face model: tokenizer.json, which spells out what GGUF names,
 * tokenizer_config.json, special_tokens_map.json and generation_config.json. The result is read back and compared with
 * the tokenizer of the GGUF file before it is given out.
 */
import { BitnetError } from '../../base/errors.ts';
import { findNumber, findString, type GgufMetadata } from '../../formats/gguf/metadata.ts';
import { tokenizerFromGguf, vocabularyFromGguf } from '../from-gguf.ts';
import { tokenizerFromHuggingFace } from '../from-huggingface.ts';
import { expressionOf, gpt2PreTokenizer, preTokenizerByName } from '../pretokenize.ts';
import { SPACE_MARK } from '../spm.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { TOKEN_TYPE, type Vocabulary } from '../vocabulary.ts';
import { differingText } from './same-tokens.ts';
import { mergesOfScores } from './sentencepiece.ts';

/** What the files say; objects are to be written as JSON. */
export interface HuggingFaceTokenizer {
  /** The text of tokenizer.json. */
  readonly tokenizerJson: string;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly specialTokensMap: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** What else goes into the files. */
export interface HuggingFaceTokenizerOptions {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly contextLength: number;
  readonly chatTemplate?: string;
}

/**
 * The files.
 *
 * @param metadata all keys of a GGUF file
 * @throws BitnetError `tokenizer/not-in-json` when tokenizer.json cannot say the same, or as tokenizerFromGguf
 */
export function huggingFaceTokenizer(
  metadata: GgufMetadata,
  options: HuggingFaceTokenizerOptions,
): HuggingFaceTokenizer {
  const { tokenizer } = tokenizerFromGguf(metadata, options);
  const vocabulary = vocabularyFromGguf(metadata, options);
  const isByteLevel = findString(metadata, 'tokenizer.ggml.model') === 'gpt2';
  const parts = isByteLevel
    ? byteLevelParts(metadata, vocabulary)
    : sentencePieceParts(metadata, vocabulary, tokenizer);
  const tokenizerJson = jsonOf(vocabulary, tokenizer, parts);
  const names = namesOf(metadata, tokenizer, vocabulary);
  const files: HuggingFaceTokenizer = {
    tokenizerJson,
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      model_max_length: options.contextLength,
      clean_up_tokenization_spaces: false,
      add_bos_token: tokenizer.addsBos,
      add_eos_token: tokenizer.addsEos,
      ...names,
      ...(options.chatTemplate === undefined ? {} : { chat_template: options.chatTemplate }),
    },
    specialTokensMap: names,
    generationConfig: endIds(tokenizer),
  };
  checkSame(tokenizer, files);
  return files;
}

/** The ids by which generation begins and ends, as generation_config.json names them. */
export function endIds(tokenizer: Tokenizer): Record<string, unknown> {
  const { bosId, eosId } = tokenizer;
  const ends = [...new Set([...(eosId === undefined ? [] : [eosId]), ...tokenizer.stopIds])];
  return {
    ...(bosId === undefined ? {} : { bos_token_id: bosId }),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
  };
}

/** What the two kinds of tokenizers say differently; values are JSON. */
interface JsonParts {
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly decoder: unknown;
  readonly unknown: string | undefined;
  readonly hasByteFallback: boolean;
  readonly ignoresMerges: boolean;
  readonly merges: Iterable<string>;
}

function byteLevelParts(metadata: GgufMetadata, vocabulary: Vocabulary): JsonParts {
  // A file without the name was accepted for the families that are cut by this rule.
  const pre = preTokenizerByName(findString(metadata, 'tokenizer.ggml.pre') ?? 'llama-bpe');
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  const unknownId = findNumber(metadata, 'tokenizer.ggml.unknown_token_id');
  return {
    normalizer: null,
    preTokenizer:
      pre.pieceEnd === gpt2PreTokenizer
        ? { ...level, use_regex: true }
        : {
            type: 'Sequence',
            pretokenizers: [
              {
                type: 'Split',
                pattern: { Regex: expressionOf(pre.pieceEnd) },
                behavior: 'Isolated',
                invert: false,
              },
              { ...level, use_regex: false },
            ],
          },
    decoder: { ...level, add_prefix_space: true, use_regex: true },
    unknown: unknownId === undefined ? undefined : vocabulary.textOf(unknownId),
    hasByteFallback: false,
    ignoresMerges: pre.ignoreMerges,
    merges: metadata.get('tokenizer.ggml.merges') as Iterable<string>,
  };
}

function sentencePieceParts(
  metadata: GgufMetadata,
  vocabulary: Vocabulary,
  { addsSpacePrefix }: Tokenizer,
): JsonParts {
  const unknownId =
    findNumber(metadata, 'tokenizer.ggml.unknown_token_id') ?? vocabulary.idsOfType(TOKEN_TYPE.unknown).at(0);
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE_MARK };
  const marks = { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' };
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [...(addsSpacePrefix ? [{ type: 'Prepend', prepend: SPACE_MARK }] : []), spaces],
    },
    preTokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        marks,
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(addsSpacePrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    unknown: unknownId === undefined ? undefined : vocabulary.textOf(unknownId),
    hasByteFallback: true,
    ignoresMerges: false,
    merges: mergesOfScores(vocabulary, metadata.get('tokenizer.ggml.scores') as ArrayLike<number>),
  };
}

/** tokenizer.json, put together as text: an object would move tokens that look like numbers, and lose `__proto__`. */
function jsonOf(vocabulary: Vocabulary, tokenizer: Tokenizer, parts: JsonParts): string {
  const ids: string[] = [];
  const added: unknown[] = [];
  for (let id = 0; id < vocabulary.size; id++) {
    const type = vocabulary.types[id];
    if (type === TOKEN_TYPE.unused) continue;
    const text = vocabulary.textOf(id);
    if (vocabulary.idOf(text) !== id) {
      throw notInJson(`has the token ${JSON.stringify(text.slice(0, 80))} twice`);
    }
    const isOrdinary = type === TOKEN_TYPE.normal || type === TOKEN_TYPE.byte;
    if (isOrdinary || text === parts.unknown) ids.push(`${JSON.stringify(text)}:${id}`);
    if (isOrdinary) continue;
    const special = type !== TOKEN_TYPE.userDefined;
    added.push({
      id,
      content: text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    });
  }
  const before = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: postProcessor(tokenizer),
    decoder: parts.decoder,
  };
  const model = {
    type: 'BPE',
    dropout: null,
    unk_token: parts.unknown ?? null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: parts.hasByteFallback,
    ignore_merges: parts.ignoresMerges,
  };
  const merges = Array.from(parts.merges, (merge) => JSON.stringify(merge));
  const open = (value: object): string => JSON.stringify(value).slice(0, -1);
  return `${open(before)},"model":${open(model)},"vocab":{${ids.join(',')}},"merges":[${merges.join(',')}]}}\n`;
}

/** Tokens that every text gets; none where there are none. */
function postProcessor(tokenizer: Tokenizer): unknown {
  const { addsBos, addsEos, bosId, eosId } = tokenizer;
  const around = (isThere: boolean, id: number | undefined): [string, number][] =>
    isThere && id !== undefined ? [[tokenizer.tokenText(id), id]] : [];
  const bos = around(addsBos, bosId);
  const eos = around(addsEos, eosId);
  if (bos.length + eos.length === 0) return null;
  const piece = ([text]: [string, number], typeId: number) => ({
    SpecialToken: { id: text, type_id: typeId },
  });
  const text = (name: string, typeId: number) => [
    ...bos.map((token) => piece(token, typeId)),
    { Sequence: { id: name, type_id: typeId } },
    ...eos.map((token) => piece(token, typeId)),
  ];
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: Object.fromEntries(
      [...bos, ...eos].map(([name, id]) => [name, { id: name, ids: [id], tokens: [name] }]),
    ),
  };
}

function namesOf(
  metadata: GgufMetadata,
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
): Record<string, string> {
  const named = (key: string, id: number | undefined): [string, string][] =>
    id === undefined || id >= vocabulary.size ? [] : [[key, vocabulary.textOf(id)]];
  return Object.fromEntries([
    ...named('bos_token', tokenizer.bosId),
    ...named('eos_token', tokenizer.eosId),
    ...named('unk_token', findNumber(metadata, 'tokenizer.ggml.unknown_token_id')),
    ...named('pad_token', findNumber(metadata, 'tokenizer.ggml.padding_token_id')),
  ]);
}

function checkSame(tokenizer: Tokenizer, files: HuggingFaceTokenizer): void {
  const config = { vocab_size: tokenizer.vocabSize };
  const { tokenizer: read } = tokenizerFromHuggingFace({ ...files, config });
  const differing = differingText(tokenizer, read);
  if (differing === undefined) return;
  throw notInJson(`cuts ${JSON.stringify(differing.slice(0, 80))} otherwise than its tokenizer.json would`);
}

function notInJson(what: string): BitnetError {
  return new BitnetError(
    'tokenizer/not-in-json',
    `the tokenizer ${what}, so it cannot be written as tokenizer.json; convert the model to GGUF`,
  );
}
