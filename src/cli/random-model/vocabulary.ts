/**
 * A made-up byte-level BPE vocabulary of a given size: the 256 bytes, then words of one, two, three syllables with and
 * without a space before them, with every merge that leads to them. It reads and writes any text, and has about as
 * many merges as Llama 3's has, so that files with it take as long to open.
 */
import { assert } from '../../base/assert.ts';
import { TOKEN_TYPE } from '../../tokenizer/vocabulary.ts';
import type { ControlTokens } from './shapes.ts';

/** What the `tokenizer.ggml.*` metadata of a file lists. */
export interface RandomVocabulary {
  readonly tokens: readonly string[];
  /** GGUF's token types. */
  readonly types: Int32Array;
  /** "left right", by ascending rank. */
  readonly merges: readonly string[];
}

/** The characters that stand for the 256 bytes, by code: the order that they have as tokens of GPT-2 and Llama 3. */
const BYTE_RANGES = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0x143],
] as const;
/** The one of them that stands for a space. */
const SPACE = 'Ġ';
const SYLLABLES: readonly string[] = [...'bcdfghjklmnprstvwz'].flatMap((consonant) =>
  [...'aeiou'].map((vowel) => consonant + vowel),
);

/** A vocabulary with the given control tokens; `size` leaves room for them and the 256 bytes. */
export function randomVocabulary(size: number, control: ControlTokens): RandomVocabulary {
  const free = size - control.texts.size;
  assert(free >= 256, `${size} tokens leave room for all bytes`);
  const ordinary = BYTE_RANGES.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i)),
  );
  const known = new Set(ordinary);
  const merges: string[] = [];
  const makeWords = words();
  while (ordinary.length < free) {
    const { text, cuts } = makeWords.next().value;
    ordinary.push(text);
    known.add(text);
    for (const cut of cuts) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      if (known.has(left) && known.has(right)) merges.push(`${left} ${right}`);
    }
  }
  const types = new Int32Array(size).fill(TOKEN_TYPE.normal);
  for (const id of control.texts.keys()) types[id] = TOKEN_TYPE.control;
  let next = 0;
  const tokens = Array.from({ length: size }, (_, id) => control.texts.get(id) ?? ordinary[next++]!);
  return { tokens, types, merges };
}

/** A word and where it may be cut into two tokens. */
interface Word {
  readonly text: string;
  readonly cuts: readonly number[];
}

/** Words by their number of syllables, so that a word's parts come before it. */
function* words(): Generator<Word, never> {
  for (let count = 1; ; count++) {
    if (count === 1) {
      for (const text of SYLLABLES) yield { text, cuts: [1] };
      for (const text of SYLLABLES) yield { text: SPACE + text, cuts: [1] };
      continue;
    }
    for (let index = 0; index < SYLLABLES.length ** count; index++) {
      const text = wordAt(index, count);
      const cuts = Array.from({ length: count - 1 }, (_, i) => 2 * (i + 1));
      yield { text, cuts };
      yield { text: SPACE + text, cuts: [1, ...cuts.map((cut) => cut + 1)] };
    }
  }
}

/** The word whose syllables are the digits of `index`. */
function wordAt(index: number, count: number): string {
  let text = '';
  for (let i = 0, rest = index; i < count; i++, rest = Math.floor(rest / SYLLABLES.length)) {
    text += SYLLABLES[rest % SYLLABLES.length]!;
  }
  return text;
}
