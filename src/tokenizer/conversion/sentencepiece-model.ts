/**
 * SentencePiece's own file, tokenizer.model, as the `tokenizer.ggml.*` metadata that GGUF has for it (arXiv:1808.06226;
 * the protocol buffers of sentencepiece_model.proto). Only BPE models without normalisation, which those of the Llama
 * families are; what a folder says beside the file (added tokens, whether texts begin with BOS) is put in.
 */
import { BitnetError } from '../../base/errors.ts';
import type { GgufMetadata, MetadataValue } from '../../formats/gguf/metadata.ts';
import { TextList } from '../../formats/text-list.ts';
import { decodeUtf8 } from '../../formats/utf8.ts';
import { TOKEN_TYPE } from '../vocabulary.ts';

/** What a folder says of its tokenizer beside tokenizer.model; parsed JSON from outside. */
export interface SentencePieceFolder {
  /** added_tokens.json: ids by text. */
  readonly addedTokens?: Readonly<Record<string, unknown>> | undefined;
  readonly tokenizerConfig?: Readonly<Record<string, unknown>> | undefined;
  /** config.json, whose `vocab_size` the tokens are filled up to. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Field numbers of the messages. */
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 } as const;
const PIECE = { text: 1, score: 2, type: 3 } as const;
const TRAINER = { modelType: 3, unknownId: 40, bosId: 41, eosId: 42, padId: 43 } as const;
const NORMALIZER = { charsMap: 2, addDummyPrefix: 3, removeExtraWhitespaces: 4 } as const;
const BPE = 2;
/** Kinds of values. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const MAX_TOKENS = 1 << 21;

/**
 * The metadata of the file.
 *
 * @throws BitnetError `tokenizer/bad-sentencepiece` for a damaged file, `tokenizer/unsupported-part` for models of another
 *   kind
 */
export function sentencePieceMetadata(
  bytes: Uint8Array<ArrayBuffer>,
  folder: SentencePieceFolder,
): GgufMetadata {
  const texts: string[] = [];
  const scores: number[] = [];
  const types: number[] = [];
  let trainer = new Map<number, number | Uint8Array<ArrayBuffer>>();
  let normalizer = trainer;
  forEachField(bytes, (field, value) => {
    if (!(value instanceof Uint8Array)) return;
    if (field === MODEL.pieces) {
      const piece = fieldsOf(value);
      const text = piece.get(PIECE.text);
      const decoded = text instanceof Uint8Array ? decodeUtf8(text) : undefined;
      if (decoded === undefined || texts.length === MAX_TOKENS) throw damaged(`its token ${texts.length}`);
      texts.push(decoded);
      scores.push(numberOf(piece, PIECE.score, 0));
      types.push(numberOf(piece, PIECE.type, TOKEN_TYPE.normal));
    } else if (field === MODEL.trainer) trainer = fieldsOf(value);
    else if (field === MODEL.normalizer) normalizer = fieldsOf(value);
  });
  checkKind(trainer, normalizer);
  addTokens(folder, texts, scores, types);
  const { tokenizerConfig: settings, config } = folder;
  const metadata = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', TextList.of(texts)],
    ['tokenizer.ggml.scores', Float32Array.from(scores)],
    ['tokenizer.ggml.token_type', Int32Array.from(types)],
    ['tokenizer.ggml.add_space_prefix', numberOf(normalizer, NORMALIZER.addDummyPrefix, 1) !== 0],
    ['tokenizer.ggml.add_bos_token', settings?.add_bos_token !== false],
    ['tokenizer.ggml.add_eos_token', settings?.add_eos_token === true],
  ]);
  const roles = {
    unknown: TRAINER.unknownId,
    bos: TRAINER.bosId,
    eos: TRAINER.eosId,
    padding: TRAINER.padId,
  };
  for (const [role, field] of Object.entries(roles)) {
    const short = role === 'padding' ? 'pad' : role;
    const named = config[`${short}_token_id`];
    // Absent, the first three are 0, 1 and 2; there is no padding then, which -1 says.
    const own = numberOf(trainer, field, role === 'padding' ? -1 : field - TRAINER.unknownId);
    const id = typeof named === 'number' ? named : own;
    if (Number.isInteger(id) && id >= 0 && id < texts.length) {
      metadata.set(`tokenizer.ggml.${role}_token_id`, id);
    }
  }
  return metadata;
}

type Fields = Map<number, number | Uint8Array<ArrayBuffer>>;

function checkKind(trainer: Fields, normalizer: Fields): void {
  if (numberOf(trainer, TRAINER.modelType, 1) !== BPE) throw unsupported('no byte pair encoding');
  const map = normalizer.get(NORMALIZER.charsMap);
  if (map instanceof Uint8Array && map.length > 0) throw unsupported('one that normalises text');
  if (numberOf(normalizer, NORMALIZER.removeExtraWhitespaces, 1) !== 0) {
    throw unsupported('one that removes spaces');
  }
}

/** Tokens that were added behind those of the file, and ids without a token up to the size of the model. */
function addTokens(
  { addedTokens = {}, tokenizerConfig, config }: SentencePieceFolder,
  texts: string[],
  scores: number[],
  types: number[],
): void {
  const added = new Map<number, { text: string; type: number }>();
  for (const [text, id] of Object.entries(addedTokens)) {
    if (typeof id === 'number') added.set(id, { text, type: TOKEN_TYPE.userDefined });
  }
  const listed = tokenizerConfig?.added_tokens_decoder;
  for (const [key, value] of Object.entries((listed ?? {}) as Record<string, unknown>)) {
    const { content, special } = (value ?? {}) as { content?: unknown; special?: unknown };
    const type = special === true ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
    if (typeof content === 'string') added.set(Number(key), { text: content, type });
  }
  const { vocab_size: declared } = config;
  const size = typeof declared === 'number' && declared <= MAX_TOKENS ? declared : texts.length;
  for (let id = texts.length; id < size; id++) {
    const token = added.get(id);
    texts.push(token?.text ?? `[PAD${id}]`);
    scores.push(0);
    types.push(token?.type ?? TOKEN_TYPE.unused);
  }
}

function fieldsOf(message: Uint8Array<ArrayBuffer>): Fields {
  const fields: Fields = new Map();
  forEachField(message, (field, value) => fields.set(field, value));
  return fields;
}

function numberOf(fields: Fields, field: number, absent: number): number {
  const value = fields.get(field) ?? absent;
  if (typeof value === 'number') return value;
  throw damaged(`the number in its field ${field}`);
}

/** Calls back for every field of a message: integers and float32 as numbers, texts and messages as their bytes. */
function forEachField(
  message: Uint8Array<ArrayBuffer>,
  visit: (field: number, value: number | Uint8Array<ArrayBuffer>) => void,
): void {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const need = (length: number, what: string): number => {
    if (length > message.length - at) throw damaged(what);
    at += length;
    return at - length;
  };
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[need(1, 'a number that is cut short')]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw damaged('a number of more than 64 bits');
  };
  while (at < message.length) {
    const key = varint();
    const wire = key & 7;
    const field = Math.floor(key / 8);
    if (wire === WIRE.varint) visit(field, varint());
    else if (wire === WIRE.fixed32) visit(field, view.getFloat32(need(4, `the field ${field}`), true));
    else if (wire === WIRE.fixed64) visit(field, view.getFloat64(need(8, `the field ${field}`), true));
    else if (wire === WIRE.bytes) {
      const length = varint();
      if (length < 0) throw damaged(`the length of the field ${field}`);
      const from = need(length, `the field ${field}`);
      visit(field, message.subarray(from, from + length));
    } else throw damaged(`the kind ${wire} of the field ${field}`);
  }
}

function damaged(what: string): BitnetError {
  return new BitnetError(
    'tokenizer/bad-sentencepiece',
    `tokenizer.model is damaged: ${what} cannot be read; download it again`,
  );
}

function unsupported(what: string): BitnetError {
  return new BitnetError(
    'tokenizer/unsupported-part',
    `the SentencePiece model in tokenizer.model is ${what}, which is not supported; save the tokenizer in the fast format ` +
      '(tokenizer.json)',
  );
}
