/**
 * Regular expressions (ECMA-262 with the u flag) as trees, as far as a grammar can express them: classes, groups,
 * alternatives, quantifiers, and anchors at the ends. Lookaround, backreferences, word boundaries and Unicode properties
 * are refused.
 */
import { BitnetError } from '../../../base/errors.ts';
import { ANY_CHARACTER, type CodeRange, complement, without } from '../grammar/utf8-classes.ts';

/** A part of an expression. */
export type RegexNode =
  | { readonly kind: 'class'; readonly ranges: readonly CodeRange[] }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly part: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' };

const MAX_PATTERN_UNITS = 2000;
const MAX_GROUP_DEPTH = 30;
const DIGITS: readonly CodeRange[] = [[0x30, 0x39]];
const WORD: readonly CodeRange[] = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]; // biome-ignore format: one line
const SPACES: readonly CodeRange[] = [[9, 13], [0x20, 0x20], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a], [0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff]]; // biome-ignore format: one line
const LINE_ENDS: readonly CodeRange[] = [[10, 10], [13, 13], [0x2028, 0x2029]]; // biome-ignore format: one line
const NAMED: Readonly<Record<string, readonly CodeRange[]>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACES,
  S: complement(SPACES),
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/**
 * The tree of an expression.
 *
 * @throws BitnetError `regex/invalid` for what is no expression, and for what no grammar can express
 */
export function parseRegex(pattern: string): RegexNode {
  if (pattern.length > MAX_PATTERN_UNITS) {
    throw invalid(`has ${pattern.length} characters; at most ${MAX_PATTERN_UNITS} are supported`, pattern);
  }
  try {
    new RegExp(pattern, 'u');
  } catch (cause) {
    throw invalid(`is not valid: ${cause instanceof Error ? cause.message.slice(-200) : 'syntax'}`, pattern);
  }
  const parser = new Parser(pattern);
  return parser.choice(0);
}

function invalid(reason: string, pattern: string): BitnetError {
  const shown = pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern;
  return new BitnetError('regex/invalid', `the regular expression ${JSON.stringify(shown)} ${reason}`);
}

/** The expression is known to be valid: what is not understood here is unsupported. */
class Parser {
  readonly #characters: readonly string[];
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = [...pattern];
  }

  choice(depth: number): RegexNode {
    if (depth > MAX_GROUP_DEPTH) throw this.#unsupported('groups within groups as deep');
    const parts = [this.#sequence(depth)];
    while (this.#take('|')) parts.push(this.#sequence(depth));
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(depth: number): RegexNode {
    const parts: RegexNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      parts.push(this.#quantified(this.#atom(depth)));
    }
    return { kind: 'sequence', parts };
  }

  #atom(depth: number): RegexNode {
    const character = this.#characters[this.#at++]!;
    if (character === '^') return { kind: 'start' };
    if (character === '$') return { kind: 'end' };
    if (character === '.') return { kind: 'class', ranges: without(ANY_CHARACTER, LINE_ENDS) };
    if (character === '[') return { kind: 'class', ranges: this.#class() };
    if (character === '\\') return { kind: 'class', ranges: this.#escape() };
    if (character !== '(') return one(character.codePointAt(0)!);
    if (this.#take('?') && !this.#take(':')) {
      const named = this.#peek() === '<' && !'=!'.includes(this.#characters[this.#at + 1] ?? '');
      if (!named) throw this.#unsupported('lookaround and flags of groups');
      while (this.#characters[this.#at++] !== '>');
    }
    const inner = this.choice(depth + 1);
    this.#take(')');
    return inner;
  }

  #quantified(part: RegexNode): RegexNode {
    let [min, max] = [1, 1];
    if (this.#take('*')) [min, max] = [0, Number.POSITIVE_INFINITY];
    else if (this.#take('+')) [min, max] = [1, Number.POSITIVE_INFINITY];
    else if (this.#take('?')) [min, max] = [0, 1];
    else if (this.#take('{')) {
      const end = this.#characters.indexOf('}', this.#at);
      const [low = '', high] = this.#characters.slice(this.#at, end).join('').split(',');
      this.#at = end + 1;
      min = Number(low);
      max = high === undefined ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    } else return part;
    // A lazy quantifier matches the same texts.
    this.#take('?');
    if (part.kind === 'start' || part.kind === 'end') throw this.#unsupported('quantified anchors');
    return { kind: 'repeat', part, min, max };
  }

  #class(): CodeRange[] {
    const negated = this.#take('^');
    const ranges: CodeRange[] = [];
    while (!this.#take(']')) {
      const low = this.#classElement();
      const isRange = this.#peek() === '-' && this.#characters[this.#at + 1] !== ']';
      if (isRange && low.length === 1 && low[0]![0] === low[0]![1]) {
        this.#at++;
        ranges.push([low[0]![0], this.#classElement()[0]![1]]);
      } else ranges.push(...low);
    }
    return negated ? complement(ranges) : ranges;
  }

  #classElement(): readonly CodeRange[] {
    const character = this.#characters[this.#at++]!;
    if (character !== '\\') return [[character.codePointAt(0)!, character.codePointAt(0)!]];
    if (this.#take('b')) return [[8, 8]];
    return this.#escape();
  }

  #escape(): readonly CodeRange[] {
    const character = this.#characters[this.#at++]!;
    const named = NAMED[character];
    if (named !== undefined) return named;
    const code = this.#escapedCode(character);
    return [[code, code]];
  }

  #escapedCode(character: string): number {
    const control = CONTROLS[character];
    if (control !== undefined) return control;
    if (character === 'x') return this.#hex(2);
    if (character === 'c') return this.#characters[this.#at++]!.charCodeAt(0) % 32;
    if (character === 'u') {
      if (this.#take('{')) {
        const code = this.#hex(this.#characters.indexOf('}', this.#at) - this.#at);
        this.#at++;
        return code;
      }
      const code = this.#hex(4);
      const isPair = code >= 0xd800 && code < 0xdc00 && this.#peek() === '\\';
      if (!isPair) return code;
      this.#at += 2;
      return 0x10000 + ((code & 0x3ff) << 10) + (this.#hex(4) & 0x3ff);
    }
    if (/[A-Za-z1-9]/.test(character)) throw this.#unsupported(`\\${character}`);
    return character.codePointAt(0)!;
  }

  #hex(digits: number): number {
    const text = this.#characters.slice(this.#at, this.#at + digits).join('');
    this.#at += digits;
    return Number.parseInt(text, 16);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #unsupported(what: string): BitnetError {
    return invalid(`uses ${what}, which cannot be enforced`, this.#pattern);
  }
}

/** The class of one character. */
export function one(code: number): RegexNode {
  return { kind: 'class', ranges: [[code, code]] };
}
