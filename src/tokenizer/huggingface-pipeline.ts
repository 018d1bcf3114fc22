/**
 * Reads the parts of Hugging Face's tokenizer.json that say what happens around the merging: normalizer,
 * pre-tokenizer, post-processor and decoder. The many combinations of that format come down to the two kinds of
 * tokenizers this package has; every part that does not fit is refused by name. Data and vocabulary are read in
 * from-huggingface.ts.
 */
import { BitnetError } from '../base/errors.ts';
import { gpt2PreTokenizer, type PieceEnd, pieceEndByExpression } from './pretokenize.ts';
import { SPACE_MARK, type SpacePrefix } from './spm.ts';

type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';
const UNICODE_FORMS: ReadonlySet<string> = new Set(['NFC', 'NFD', 'NFKC', 'NFKD']);

/** How text is prepared, for one of the two kinds of tokenizers. */
export type Pipeline =
  | {
      readonly kind: 'byte-level';
      readonly pieceEnd: PieceEnd;
      readonly addPrefixSpace: boolean;
      readonly normalize?: (text: string) => string;
    }
  | {
      readonly kind: 'sentencepiece';
      readonly spacePrefix: SpacePrefix;
      readonly splitsAtSpaces: boolean;
      readonly normalize?: (text: string) => string;
    };

/** Tokens that the post-processor puts around a text. */
export interface TemplateEnds {
  readonly bosId?: number;
  readonly eosId?: number;
}

/** A JSON object from a file, with getters that check what they give. */
export class JsonObject {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #where: string;

  /** @throws BitnetError `tokenizer/bad-json` when the value is not an object */
  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badJson(where, 'an object');
    }
    this.#value = value as Readonly<Record<string, unknown>>;
    this.#where = where;
  }

  /** What the file has under a key; null and absence are both undefined. */
  raw(key: string): unknown {
    return Object.hasOwn(this.#value, key) ? (this.#value[key] ?? undefined) : undefined;
  }

  /** The object itself, for loops over a hundred thousand keys. */
  get record(): Readonly<Record<string, unknown>> {
    return this.#value;
  }

  /** The text under a key. */
  text(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'string') return value;
    throw badJson(`${this.#where}.${key}`, 'text');
  }

  /** The truth value under a key. */
  flag(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw badJson(`${this.#where}.${key}`, 'true or false');
  }

  /** The whole number ≥ 0 under a key. */
  id(key: string): number | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : asId(value, `${this.#where}.${key}`);
  }

  /** The list under a key. */
  list(key: string): readonly unknown[] | undefined {
    const value = this.raw(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw badJson(`${this.#where}.${key}`, 'a list');
  }

  /** The object under a key. */
  object(key: string): JsonObject | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : new JsonObject(value, `${this.#where}.${key}`);
  }
}

/** A whole number that is not negative. @throws BitnetError `tokenizer/bad-json` */
export function asId(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw badJson(where, 'a whole number that is not negative');
}

/** The error for JSON of the wrong shape. */
export function badJson(where: string, wanted: string): BitnetError {
  return new BitnetError('tokenizer/bad-json', `${where} must be ${wanted}; the file is damaged`, {
    details: { where },
  });
}

/** The error for a part of tokenizer.json that this package does not implement. */
export function unsupported(part: string, what: string): BitnetError {
  return new BitnetError(
    'tokenizer/unsupported-part',
    `the tokenizer's ${part} is ${what}, which is not supported; convert the model to GGUF or use another one`,
    { details: { part, what } },
  );
}

/** The parts of a step that may be a sequence of steps, in order. */
function stepsOf(root: JsonObject, part: string, listKey: string): { type: string; step: JsonObject }[] {
  const step = root.object(part);
  if (step === undefined) return [];
  const type = step.text('type') ?? '';
  if (type !== 'Sequence') return [{ type, step }];
  return (step.list(listKey) ?? []).map((item, index) => {
    const inner = new JsonObject(item, `tokenizer.json ${part}.${listKey}[${index}]`);
    return { type: inner.text('type') ?? '', step: inner };
  });
}

interface Normalization {
  readonly normalize?: (text: string) => string;
  /** Puts ▁ before every stretch of text. */
  prepends: boolean;
  /** Writes spaces as ▁. */
  marksSpaces: boolean;
}

function readNormalizer(root: JsonObject): Normalization {
  let form: UnicodeForm | undefined;
  let prepends = false;
  let marksSpaces = false;
  for (const { type, step } of stepsOf(root, 'normalizer', 'normalizers')) {
    if (UNICODE_FORMS.has(type) && form === undefined) {
      form = type as UnicodeForm;
    } else if (type === 'Prepend' && step.text('prepend') === SPACE_MARK) {
      prepends = true;
    } else if (
      type === 'Replace' &&
      step.object('pattern')?.raw('String') === ' ' &&
      step.text('content') === SPACE_MARK
    ) {
      marksSpaces = true;
    } else {
      throw unsupported('normalizer', JSON.stringify(type));
    }
  }
  const chosen = form;
  return chosen === undefined
    ? { prepends, marksSpaces }
    : { prepends, marksSpaces, normalize: (text) => text.normalize(chosen) };
}

/**
 * How text is prepared before merging.
 *
 * @throws BitnetError `tokenizer/unsupported-part` or `tokenizer/bad-json`
 */
export function readPipeline(root: JsonObject): Pipeline {
  const normalization = readNormalizer(root);
  const steps = stepsOf(root, 'pre_tokenizer', 'pretokenizers');
  const types = steps.map((step) => step.type).join(' + ');
  if (types === 'ByteLevel' || types === 'Split + ByteLevel') {
    if (normalization.prepends || normalization.marksSpaces) {
      throw unsupported('normalizer', 'one that writes ▁, before a byte-level pre-tokenizer');
    }
    checkDecoder(root, new Set(['ByteLevel']));
    return readByteLevel(steps, normalization.normalize);
  }
  if (types === 'Metaspace' || (types === '' && normalization.marksSpaces)) {
    checkDecoder(root, new Set(['Replace', 'ByteFallback', 'Fuse', 'Strip', 'Metaspace']));
    return readSentencePiece(steps[0]?.step, normalization);
  }
  throw unsupported('pre_tokenizer', JSON.stringify(types.slice(0, 200)));
}

function readByteLevel(
  steps: readonly { type: string; step: JsonObject }[],
  normalize: ((text: string) => string) | undefined,
): Pipeline {
  const byteLevel = steps.at(-1)!.step;
  const addPrefixSpace = byteLevel.flag('add_prefix_space') ?? true;
  const usesOwnRule = byteLevel.flag('use_regex') ?? true;
  const rest = normalize === undefined ? {} : { normalize };
  if (steps.length === 1) {
    const pieceEnd: PieceEnd = usesOwnRule ? gpt2PreTokenizer : (text) => text.length;
    return { kind: 'byte-level', pieceEnd, addPrefixSpace, ...rest };
  }
  if (usesOwnRule || addPrefixSpace) {
    throw unsupported('pre_tokenizer', 'a Split before a ByteLevel that cuts or adds spaces too');
  }
  return { kind: 'byte-level', pieceEnd: readSplit(steps[0]!.step), addPrefixSpace: false, ...rest };
}

function readSplit(split: JsonObject): PieceEnd {
  const expression = split.object('pattern')?.raw('Regex');
  const behavior = split.text('behavior');
  if (typeof expression !== 'string' || behavior !== 'Isolated' || split.flag('invert') === true) {
    throw unsupported('pre_tokenizer', `a Split with behavior ${JSON.stringify(behavior)} or without Regex`);
  }
  const pieceEnd = pieceEndByExpression(expression);
  if (pieceEnd === undefined) {
    throw unsupported(
      'pre_tokenizer',
      `a Split by the unknown expression ${JSON.stringify(expression.slice(0, 200))}`,
    );
  }
  return pieceEnd;
}

function readSentencePiece(metaspace: JsonObject | undefined, normalization: Normalization): Pipeline {
  const rest = normalization.normalize === undefined ? {} : { normalize: normalization.normalize };
  const kind = 'sentencepiece';
  if (metaspace === undefined) {
    const where = normalization.prepends ? 'always' : 'never';
    return { kind, spacePrefix: { where, unlessPresent: false }, splitsAtSpaces: false, ...rest };
  }
  if (normalization.prepends || (metaspace.text('replacement') ?? SPACE_MARK) !== SPACE_MARK) {
    throw unsupported('pre_tokenizer', 'a Metaspace with another mark than ▁ or after a Prepend normalizer');
  }
  const legacy = metaspace.flag('add_prefix_space') === false ? 'never' : 'always';
  const where = metaspace.text('prepend_scheme') ?? legacy;
  if (where !== 'never' && where !== 'first' && where !== 'always') {
    throw unsupported('pre_tokenizer', `a Metaspace with prepend_scheme ${JSON.stringify(where)}`);
  }
  const splitsAtSpaces = metaspace.flag('split') ?? true;
  return { kind, spacePrefix: { where, unlessPresent: true }, splitsAtSpaces, ...rest };
}

function checkDecoder(root: JsonObject, known: ReadonlySet<string>): void {
  for (const { type } of stepsOf(root, 'decoder', 'decoders')) {
    if (!known.has(type)) throw unsupported('decoder', JSON.stringify(type));
  }
}

/**
 * The tokens that the post-processor puts around a single text, or undefined when it says nothing about that.
 *
 * @throws BitnetError `tokenizer/unsupported-part` or `tokenizer/bad-json`
 */
export function readTemplateEnds(root: JsonObject): TemplateEnds | undefined {
  let ends: TemplateEnds | undefined;
  for (const { type, step } of stepsOf(root, 'post_processor', 'processors')) {
    if (type === 'ByteLevel') continue;
    if (type !== 'TemplateProcessing' || ends !== undefined) {
      throw unsupported('post_processor', JSON.stringify(type));
    }
    ends = readTemplate(step);
  }
  return ends;
}

function readTemplate(template: JsonObject): TemplateEnds {
  const where = 'tokenizer.json post_processor.single';
  const pieces = (template.list('single') ?? []).map((item) => new JsonObject(item, where));
  const textAt = pieces.findIndex((piece) => piece.object('Sequence') !== undefined);
  if (textAt === -1 || textAt > 1 || pieces.length - textAt > 2) {
    throw unsupported('post_processor', 'a template that is not one token, the text, one token');
  }
  const idOf = (piece: JsonObject | undefined): number | undefined => {
    if (piece === undefined) return undefined;
    const name = piece.object('SpecialToken')?.text('id');
    const ids = name === undefined ? undefined : template.object('special_tokens')?.object(name)?.list('ids');
    if (ids?.length !== 1) throw badJson(where, 'tokens that special_tokens gives exactly one id');
    return asId(ids[0], where);
  };
  const bosId = textAt === 1 ? idOf(pieces[0]) : undefined;
  const eosId = idOf(pieces[textAt + 1]);
  return { ...(bosId === undefined ? {} : { bosId }), ...(eosId === undefined ? {} : { eosId }) };
}
