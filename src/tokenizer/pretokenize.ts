/**
 * Cuts text into the pieces inside which byte pair encoding may merge: words with their leading space, groups of
 * digits, runs of punctuation, whitespace. Models publish these rules as regular expressions; here they are scanners
 * that answer where the piece starting at a position ends, in time linear in its length (the expressions backtrack, and
 * the engines' stacks overflow on megabytes of one character class).
 *
 * Known rules, by their `tokenizer.ggml.pre` names and by the expressions that Hugging Face's tokenizer.json carries.
 * Nothing is guessed: an unknown name or expression is an error.
 */
import { BitnetError } from '../base/errors.ts';

/** The end of the piece that starts at `start` (UTF-16 units); always greater than `start`, which is < text.length. */
export type PieceEnd = (text: string, start: number) => number;

/** A rule for cutting text, with what the models that use it have in common. */
export interface PreTokenizer {
  readonly pieceEnd: PieceEnd;
  /** A piece that is itself a token is that token, whatever its merges say. */
  readonly ignoreMerges: boolean;
  /** Whether models of this family expect the beginning-of-text token when their file does not say. */
  readonly addsBos: boolean;
}

const OTHER = 1;
const LETTER = 2;
const NUMBER = 3;
const SPACE = 4;
const NEWLINE = 5;

const LETTERS = /^\p{L}$/u;
const NUMBERS = /^\p{N}$/u;
const WHITE_SPACE = /^\p{White_Space}$/u;

/** Class of every code point, filled in as code points are met; 0 = not yet known. */
let classes: Uint8Array | undefined;

function classify(codePoint: number): number {
  if (codePoint === 0x0a || codePoint === 0x0d) return NEWLINE;
  const character = String.fromCodePoint(codePoint);
  if (LETTERS.test(character)) return LETTER;
  if (NUMBERS.test(character)) return NUMBER;
  // Unicode's White_Space as in the tokenizers that made the vocabularies; JavaScript's \s differs in U+0085 and U+FEFF.
  return WHITE_SPACE.test(character) ? SPACE : OTHER;
}

function classOf(codePoint: number): number {
  classes ??= new Uint8Array(0x110000);
  let found = classes[codePoint]!;
  if (found === 0) {
    found = classify(codePoint);
    classes[codePoint] = found;
  }
  return found;
}

/** Class of the character at an index, 0 behind the end of the text. */
function classAt(text: string, index: number): number {
  return index < text.length ? classOf(text.codePointAt(index)!) : 0;
}

function widthAt(text: string, index: number): number {
  return text.codePointAt(index)! > 0xffff ? 2 : 1;
}

/** The end of the run of characters of one class that starts at `index`, of at most `limit` characters. */
function runEnd(
  text: string,
  index: number,
  wanted: number,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  let end = index;
  for (let n = 0; n < limit && end < text.length; n++) {
    const codePoint = text.codePointAt(end)!;
    if (classOf(codePoint) !== wanted) break;
    end += codePoint > 0xffff ? 2 : 1;
  }
  return end;
}

/** The length of an English contraction (`'s`, `'re`) at `index`, or 0. */
function contractionLength(text: string, index: number, anyCase: boolean): number {
  if (text.charCodeAt(index) !== 0x27) return 0;
  let two = text.slice(index + 1, index + 3);
  // Only ASCII letters may change their case: U+017F also becomes an s.
  if (anyCase) two = two.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const one = two.charAt(0);
  if (one === 's' || one === 't' || one === 'm' || one === 'd') return 2;
  return two === 're' || two === 've' || two === 'll' ? 3 : 0;
}

/** `\s+(?!\S)|\s+`: a run of whitespace, but the last character is left to a word that follows. */
function whitespaceEnd(text: string, start: number, end: number): number {
  return end < text.length && end - start > 1 ? end - 1 : end;
}

/** The end of a run of whitespace; all White_Space characters are one UTF-16 unit long. */
function spaceRunEnd(text: string, start: number): number {
  let end = start;
  while (classAt(text, end) >= SPACE) end++;
  return end;
}

/** The rule of Llama 3, and with one digit per piece that of Qwen 2. */
function llamaPieceEnd(text: string, start: number, digits: number): number {
  const contraction = contractionLength(text, start, true);
  if (contraction > 0) return start + contraction;
  const kind = classAt(text, start);
  if (kind === LETTER) return runEnd(text, start, LETTER);
  const second = start + widthAt(text, start);
  if ((kind === OTHER || kind === SPACE) && classAt(text, second) === LETTER)
    return runEnd(text, second, LETTER);
  if (kind === NUMBER) return runEnd(text, start, NUMBER, digits);
  const isSpaced = text.charCodeAt(start) === 0x20 && classAt(text, second) === OTHER;
  if (kind === OTHER || isSpaced) {
    return runEnd(text, runEnd(text, isSpaced ? second : start, OTHER), NEWLINE);
  }
  const end = spaceRunEnd(text, start);
  for (let i = end; i > start; i--) if (classAt(text, i - 1) === NEWLINE) return i;
  return whitespaceEnd(text, start, end);
}

/** The rule of GPT-2. */
function gpt2PieceEnd(text: string, start: number): number {
  const contraction = contractionLength(text, start, false);
  if (contraction > 0) return start + contraction;
  const first = text.charCodeAt(start) === 0x20 && classAt(text, start + 1) < SPACE ? start + 1 : start;
  const kind = classAt(text, first);
  if (kind === LETTER || kind === NUMBER || kind === OTHER) return runEnd(text, first, kind);
  return whitespaceEnd(text, start, spaceRunEnd(text, start));
}

const LLAMA: PreTokenizer = {
  pieceEnd: (text, start) => llamaPieceEnd(text, start, 3),
  ignoreMerges: true,
  addsBos: true,
};
const QWEN: PreTokenizer = {
  pieceEnd: (text, start) => llamaPieceEnd(text, start, 1),
  ignoreMerges: false,
  addsBos: false,
};
const GPT2: PreTokenizer = { pieceEnd: gpt2PieceEnd, ignoreMerges: false, addsBos: false };

const BY_NAME: ReadonlyMap<string, PreTokenizer> = new Map([
  ['llama-bpe', LLAMA],
  ['llama3', LLAMA],
  ['llama-v3', LLAMA],
  ['falcon3', LLAMA],
  ['falcon_e', LLAMA],
  ['gpt-2', GPT2],
  ['gpt2', GPT2],
  ['qwen2', QWEN],
]);

const CONTRACTIONS_ANY_CASE = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const AFTER_DIGITS = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const WORDS = '|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+';

const BY_EXPRESSION: ReadonlyMap<string, PieceEnd> = new Map([
  [`${CONTRACTIONS_ANY_CASE}${WORDS}|\\p{N}{1,3}${AFTER_DIGITS}`, LLAMA.pieceEnd],
  [`${CONTRACTIONS_ANY_CASE}${WORDS}|\\p{N}${AFTER_DIGITS}`, QWEN.pieceEnd],
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", GPT2.pieceEnd],
]);

/**
 * The rule of a GGUF file's `tokenizer.ggml.pre`.
 *
 * @throws BitnetError `tokenizer/unknown-pre-tokenizer`
 */
export function preTokenizerByName(name: string): PreTokenizer {
  const found = BY_NAME.get(name);
  if (found !== undefined) return found;
  throw new BitnetError(
    'tokenizer/unknown-pre-tokenizer',
    `the model's text is cut by the rule ${JSON.stringify(name.slice(0, 100))} (tokenizer.ggml.pre), which is not among ` +
      `the known ones: ${[...BY_NAME.keys()].join(', ')}`,
    { details: { name, known: [...BY_NAME.keys()] } },
  );
}

/** The usual `tokenizer.ggml.pre` of a rule; undefined for one that GGUF has no name for. */
export function preTokenizerNameOf(pieceEnd: PieceEnd): string | undefined {
  for (const [name, known] of BY_NAME) if (known.pieceEnd === pieceEnd) return name;
  return undefined;
}

/** The rule of a regular expression in tokenizer.json, when it is one of the known ones. */
export function pieceEndByExpression(expression: string): PieceEnd | undefined {
  return BY_EXPRESSION.get(expression);
}

/** The regular expression of a rule in tokenizer.json; undefined for a rule that it has none for. */
export function expressionOf(pieceEnd: PieceEnd): string | undefined {
  for (const [expression, known] of BY_EXPRESSION) if (known === pieceEnd) return expression;
  return undefined;
}

/** The rule of Hugging Face's ByteLevel pre-tokenizer with `use_regex`. */
export const gpt2PreTokenizer: PieceEnd = gpt2PieceEnd;

/** Calls back for every piece of a text, in order. */
export function forEachPiece(text: string, pieceEnd: PieceEnd, onPiece: (piece: string) => void): void {
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start);
    onPiece(text.slice(start, end));
    start = end;
  }
}
