/**
 * The tokenizer of a training run: tokenizer.json and tokenizer_config.json as they lie in the run folder and later beside
 * the model, the same tokenizer ready to encode with, and the chat template. It is trained on the text of the run or
 * comes from elsewhere.
 */
import { readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { sha256Hex } from '../../base/sha256.ts';
import { isJsonObject, type JsonObject } from '../../formats/json.ts';
import { decodeUtf8 } from '../../formats/utf8.ts';
import { type ChatTemplate, createChatTemplate } from '../../tokenizer/chat/chat-template.ts';
import { tokenizerFromHuggingFace } from '../../tokenizer/from-huggingface.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { checkBpeTrainingOptions, trainBpe } from '../../tokenizer/training/train-bpe.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Corpus, OnBytes } from './corpus/corpus.ts';

/** Where the tokenizer comes from, with the contents of files in place of their names. */
export type TokenizerSource = TokenizerTraining | TokenizerFiles;

/** Train one on the text of the run. */
export interface TokenizerTraining {
  readonly vocabularySize: number;
  /** The first begins a text, the second ends one; a single one does both. */
  readonly specialTokens: readonly string[];
  /** Jinja source. */
  readonly chatTemplate?: string;
}

/** Take one that exists. */
export interface TokenizerFiles {
  readonly tokenizerJson: string;
  /** tokenizer_config.json beside it, which names the token that ends a text. */
  readonly tokenizerConfig?: string;
  /** Jinja source; default: that of tokenizer_config.json. */
  readonly chatTemplate?: string;
}

/** See the head of this file. */
export interface RunTokenizer {
  readonly tokenizer: Tokenizer;
  /** Begins a text, where the tokenizer says that one is to be there. */
  readonly beginId?: number;
  /** Ends a text. */
  readonly endId: number;
  readonly chatTemplate?: ChatTemplate;
  /** Text of tokenizer.json. */
  readonly json: string;
  /** Text of tokenizer_config.json. */
  readonly config: string;
  /** SHA-256 of {@link json}. */
  readonly hash: string;
  /** What was found out about the files beyond what they say. */
  readonly notes: readonly string[];
}

/** The tokenizer in Hugging Face's format. */
export const TOKENIZER_FILE = 'tokenizer.json';
/** Which tokens begin and end a text, and the chat template. */
export const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
/** tokenizer.json of the largest known vocabularies has 35 MB. */
const MAX_FILE_BYTES = 1 << 28;

/** Who is told how far the training of a tokenizer is, and who may stop it. */
export interface TokenizerWork {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes;
  /** @param share of the merges, 0 to 1 */
  readonly onMerges?: (share: number) => void;
}

/**
 * Trains or takes a tokenizer.
 *
 * @param corpus what to train on
 * @throws BitnetError `tokenizer/...`, `template/...`, `train/no-end-token`, or as the corpus
 */
export async function makeRunTokenizer(
  source: TokenizerSource,
  corpus: Corpus,
  { signal, onBytes, onMerges }: TokenizerWork = {},
): Promise<RunTokenizer> {
  if (!('specialTokens' in source)) {
    return loadRunTokenizer(
      source.tokenizerJson,
      configWith(source.tokenizerConfig ?? '{}', source.chatTemplate),
    );
  }
  checkTokenizerSource(source);
  const { specialTokens, vocabularySize, chatTemplate } = source;
  const begin = specialTokens[0]!;
  const json = await trainBpe(textsOf(corpus, signal, onBytes), {
    vocabularySize,
    specialTokens,
    signal,
    onMerges,
  });
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: begin,
    eos_token: specialTokens[1] ?? begin,
    clean_up_tokenization_spaces: false,
  };
  const made = loadRunTokenizer(json, configWith(JSON.stringify(config), chatTemplate));
  const { vocabSize } = made.tokenizer;
  if (vocabSize === vocabularySize) return made;
  const note = `The text has too few repeated pairs for ${vocabularySize} tokens; the vocabulary has ${vocabSize}.`;
  return { ...made, notes: [...made.notes, note] };
}

/**
 * Throws unless a tokenizer can be made of this, as far as that is known without the text.
 *
 * @throws BitnetError `tokenizer/...`, `template/...`, `train/no-end-token`
 */
export function checkTokenizerSource(source: TokenizerSource): void {
  if (!('specialTokens' in source)) return;
  if (source.specialTokens.length === 0) {
    throw new BitnetError(
      'train/no-end-token',
      'the tokenizer needs a special token that ends a text; list at least one in tokenizer.specialTokens',
    );
  }
  checkBpeTrainingOptions(source);
  if (source.chatTemplate !== undefined) createChatTemplate(source.chatTemplate);
}

async function* textsOf(corpus: Corpus, signal?: AbortSignal, onBytes?: OnBytes): AsyncGenerator<string> {
  for await (const document of corpus.documents(signal, onBytes)) {
    if (document.kind === 'text') yield* document.parts;
    else for (const { content } of document.messages) yield String(content);
  }
}

/** tokenizer_config.json with a chat template put into it. */
function configWith(config: string, chatTemplate: string | undefined): string {
  const value = parseConfig(config);
  const whole = chatTemplate === undefined ? value : { ...value, chat_template: chatTemplate };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

function parseConfig(config: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(config);
  } catch (cause) {
    throw new BitnetError('tokenizer/bad-json', `${TOKENIZER_CONFIG_FILE} is not JSON: ${String(cause)}`, {
      cause,
    });
  }
  if (isJsonObject(value)) return value;
  throw new BitnetError(
    'tokenizer/bad-json',
    `${TOKENIZER_CONFIG_FILE} must be an object; the file is damaged`,
  );
}

/**
 * A tokenizer from the texts of its two files.
 *
 * @throws BitnetError `tokenizer/...`, `template/...`, `train/no-end-token`
 */
export function loadRunTokenizer(json: string, config: string): RunTokenizer {
  const settings = parseConfig(config);
  const { tokenizer, corrections } = tokenizerFromHuggingFace({
    tokenizerJson: json,
    tokenizerConfig: config,
  });
  const endId = tokenizer.eosId;
  if (endId === undefined) {
    throw new BitnetError(
      'train/no-end-token',
      'the tokenizer does not say which token ends a text; put a tokenizer_config.json with "eos_token" beside ' +
        'tokenizer.json',
    );
  }
  const { bosId } = tokenizer;
  const source = settings.chat_template;
  const texts = { eosToken: tokenizer.tokenText(endId) };
  const tokens = bosId === undefined ? texts : { ...texts, bosToken: tokenizer.tokenText(bosId) };
  return {
    tokenizer,
    ...(bosId !== undefined && tokenizer.addsBos ? { beginId: bosId } : {}),
    endId,
    ...(typeof source === 'string' ? { chatTemplate: createChatTemplate(source, tokens) } : {}),
    json,
    config,
    hash: sha256Hex(json),
    notes: corrections,
  };
}

/**
 * The tokenizer of a run folder, undefined when it has none.
 *
 * @throws BitnetError as {@link loadRunTokenizer}
 */
export async function readRunTokenizer(folder: RunFolder): Promise<RunTokenizer | undefined> {
  const json = await readRunText(folder, TOKENIZER_FILE);
  const config = await readRunText(folder, TOKENIZER_CONFIG_FILE);
  return json === undefined || config === undefined ? undefined : loadRunTokenizer(json, config);
}

/** Writes both files into a run folder. @throws BitnetError `output/failed` */
export async function writeRunTokenizer(folder: RunFolder, tokenizer: RunTokenizer): Promise<void> {
  const utf8 = new TextEncoder();
  await folder.write(TOKENIZER_FILE, (sink) => sink(utf8.encode(tokenizer.json)));
  await folder.write(TOKENIZER_CONFIG_FILE, (sink) => sink(utf8.encode(tokenizer.config)));
}

/**
 * A file of a run folder as text, undefined when there is none.
 *
 * @throws BitnetError `train/damaged-file` when it is too long or not UTF-8
 */
export async function readRunText(folder: RunFolder, fileName: string): Promise<string | undefined> {
  const source = await folder.open(fileName);
  if (source === undefined) return undefined;
  try {
    const isShort = source.size <= MAX_FILE_BYTES;
    const text = isShort ? decodeUtf8(await readBytes(source, 0, source.size)) : undefined;
    if (text !== undefined) return text;
    throw new BitnetError(
      'train/damaged-file',
      `${source.name} is damaged: it is no text of at most 256 MiB`,
    );
  } finally {
    await source.close();
  }
}
