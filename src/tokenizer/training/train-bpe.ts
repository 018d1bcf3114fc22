/**
 * Trains a byte-level byte pair encoding on a text and writes it as Hugging Face's tokenizer.json. Every text can be
 * encoded, since all 256 bytes are tokens. Text is cut by the rule of Qwen 2 (words with their leading space, digits one
 * by one), which llama.cpp knows as `qwen2`. Control tokens take the last ids; the first of them begins every text.
 */
import { BitnetError } from '../../base/errors.ts';
import { BYTE_CHARACTERS } from '../bpe.ts';
import { pieceEndByExpression } from '../pretokenize.ts';
import { learnMerges } from './learn-merges.ts';
import { PieceCounter } from './piece-counter.ts';

/** What the vocabulary is to be. */
export interface BpeTrainingOptions {
  /** Tokens in all: 256 bytes, merged ones and the control tokens. Where the text has too few pairs, it gets fewer. */
  readonly vocabularySize: number;
  /** Control tokens; the first begins a text. */
  readonly specialTokens: readonly string[];
  /** Rarer pairs of tokens do not become a token; default 2. */
  readonly minimumCount?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told now and then which share of the merges is learnt, once the text is read. */
  readonly onMerges?: ((share: number) => void) | undefined;
}

/** Largest vocabulary; more would exceed what the GGUF and shard readers take from a file by far. */
const MAX_VOCABULARY = 1 << 18;
const MAX_SPECIAL_UNITS = 64;
/** Letters, marks, digits and signs: nothing that is blank or cannot be seen. */
const SPECIAL_TOKEN = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]{2,}$/u;
const EXPRESSION =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * The text of a tokenizer.json, the same for the same texts in any order of the texts (unless they have millions of
 * different words).
 *
 * @throws BitnetError `tokenizer/bad-training-options`; the reason of the signal when aborted
 */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: BpeTrainingOptions,
): Promise<string> {
  const { vocabularySize, specialTokens, minimumCount = 2, signal, onMerges } = options;
  checkBpeTrainingOptions(options);
  const counter = new PieceCounter(pieceEndByExpression(EXPRESSION)!);
  for await (const text of texts) {
    signal?.throwIfAborted();
    counter.add(text);
  }
  const { tokens, merges } = await learnMerges({
    pieces: counter.counts,
    byteCharacters: BYTE_CHARACTERS,
    limit: vocabularySize - BYTE_CHARACTERS.length - specialTokens.length,
    minimumCount,
    reserved: new Set(specialTokens),
    signal,
    onProgress: onMerges,
  });
  const lines = merges.map(([left, right]) => `${tokens[left]} ${tokens[right]}`);
  return `${JSON.stringify(tokenizerJson(tokens, lines, specialTokens), undefined, 2)}\n`;
}

/**
 * Throws unless a vocabulary can be trained with these options.
 *
 * @throws BitnetError `tokenizer/bad-training-options` with the option that is wrong and why
 */
export function checkBpeTrainingOptions(options: BpeTrainingOptions): void {
  const { vocabularySize, specialTokens, minimumCount = 2 } = options;
  const seen = new Set<string>();
  for (const token of specialTokens) {
    const quoted = JSON.stringify(token.slice(0, 100));
    if (seen.has(token)) throw bad(`the special token ${quoted} is listed twice; list it once`);
    if (!SPECIAL_TOKEN.test(token) || token.length > MAX_SPECIAL_UNITS) {
      throw bad(
        `${quoted} cannot be a special token; use 2 to ${MAX_SPECIAL_UNITS} visible characters without blanks, like "<|end|>"`,
      );
    }
    seen.add(token);
  }
  const least = BYTE_CHARACTERS.length + specialTokens.length;
  if (!Number.isInteger(vocabularySize) || vocabularySize < least || vocabularySize > MAX_VOCABULARY) {
    throw bad(
      `a vocabulary of ${vocabularySize} tokens is not possible with ${specialTokens.length} special tokens and the ` +
        `${BYTE_CHARACTERS.length} bytes; choose ${least} to ${MAX_VOCABULARY}`,
    );
  }
  if (!Number.isInteger(minimumCount) || minimumCount < 1) {
    throw bad(`the smallest count of a pair is ${minimumCount}; it must be a whole number from 1`);
  }
}

function bad(message: string): BitnetError {
  return new BitnetError('tokenizer/bad-training-options', message);
}

function tokenizerJson(
  tokens: readonly string[],
  merges: readonly string[],
  specialTokens: readonly string[],
): unknown {
  const [begin] = specialTokens;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, index) => ({
      id: tokens.length + index,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: EXPRESSION }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: begin === undefined ? null : beginningWith(begin, tokens.length),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** The post-processor that puts a token before every text. */
function beginningWith(token: string, id: number): unknown {
  const begin = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [begin, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [begin, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
