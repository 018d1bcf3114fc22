/** Small vocabularies that encode any text, in the forms that GGUF files and Hugging Face folders have. */
import type { GgufEntry } from '#src/formats/gguf/write.js';

/** Control tokens of the byte-level vocabulary, which end it. */
const CONTROL = ['<s>', '<|eot_id|>'] as const;
const MERGED = ['he', 'll', 'hell'] as const;
const MERGES = ['h e', 'l l', 'he ll'] as const;

/** The characters that byte-level vocabularies write for the 256 bytes. */
function byteCharacters(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCharCode(isPrintable ? byte : 256 + others++);
  });
}

const BYTE_LEVEL = [...byteCharacters(), ...MERGED, ...CONTROL];
const BYTE_TOKENS = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const SENTENCE_PIECE = ['<unk>', '<s>', '</s>', ...BYTE_TOKENS, '▁', 'h', 'e', 'he', '▁he'];

/** Tokens of the byte-level vocabulary, and of the SentencePiece one. */
export const BYTE_LEVEL_SIZE: number = BYTE_LEVEL.length;
/** See {@link BYTE_LEVEL_SIZE}. */
export const SENTENCE_PIECE_SIZE: number = SENTENCE_PIECE.length;

const TEMPLATE = "{% for m in messages %}{{ m['role'] ~ ': ' ~ m['content'] }}<|eot_id|>{% endfor %}";

/** A byte-level BPE vocabulary with a chat template, as GGUF metadata. */
export function byteLevelMetadata(): GgufEntry[] {
  const types = BYTE_LEVEL.map((token) => (CONTROL.some((control) => control === token) ? 3 : 1));
  return [
    { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
    { key: 'tokenizer.ggml.pre', type: 'string', value: 'llama-bpe' },
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: BYTE_LEVEL },
    { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: types },
    { key: 'tokenizer.ggml.merges', type: 'string[]', value: [...MERGES] },
    { key: 'tokenizer.ggml.bos_token_id', type: 'u32', value: BYTE_LEVEL.length - 2 },
    { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: BYTE_LEVEL.length - 1 },
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: true },
    { key: 'tokenizer.chat_template', type: 'string', value: TEMPLATE },
  ];
}

/** A SentencePiece vocabulary as GGUF metadata. */
export function sentencePieceMetadata(): GgufEntry[] {
  const types = SENTENCE_PIECE.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1));
  const scores = SENTENCE_PIECE.map((_, id) => (id < 259 ? 0 : 259 - id));
  return [
    { key: 'tokenizer.ggml.model', type: 'string', value: 'llama' },
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: SENTENCE_PIECE },
    { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: types },
    { key: 'tokenizer.ggml.scores', type: 'f32[]', value: scores },
    { key: 'tokenizer.ggml.bos_token_id', type: 'u32', value: 1 },
    { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: 2 },
    { key: 'tokenizer.ggml.unknown_token_id', type: 'u32', value: 0 },
  ];
}

/** The byte-level vocabulary as the files of a Hugging Face folder. */
export function huggingFaceText(): Record<string, unknown> {
  const bos = BYTE_LEVEL.length - CONTROL.length;
  return {
    'tokenizer.json': {
      version: '1.0',
      added_tokens: CONTROL.map((content, i) => ({ id: bos + i, content, special: true })),
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
      post_processor: null,
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(BYTE_LEVEL.slice(0, bos).map((token, id) => [token, id])),
        merges: [...MERGES],
      },
    },
    'tokenizer_config.json': { bos_token: '<s>', eos_token: '<|eot_id|>', chat_template: TEMPLATE },
    'generation_config.json': { bos_token_id: bos, eos_token_id: [bos + 1] },
  };
}
