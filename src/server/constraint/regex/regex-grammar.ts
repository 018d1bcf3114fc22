/**
 * Regular expressions as right-linear rules: every part is given the rule that follows it, so that a token is known to be
 * allowed without looking beyond the text's end. Characters are written as they are, or as JSON strings need them.
 */
import { BitnetError } from '../../../base/errors.ts';
import type { GrammarRules } from '../grammar/grammar-rules.ts';
import {
  ANY_CHARACTER,
  byteSequences,
  type CodeRange,
  normalized,
  without,
} from '../grammar/utf8-classes.ts';
import type { RegexNode } from './parse-regex.ts';

/** How characters are written: as they are, or within a JSON string (RFC 8259, section 7). */
export type TextForm = 'plain' | 'json';

/** Digits, hexadecimal ones too, and single characters begin few tokens. */
const HEX: readonly CodeRange[] = [[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]]; // biome-ignore format: one line
const HEX_COST = 0.02;
/** What a state costs to compile, by how many characters may come there: tokens that may not begin are passed over. */
const STATE_COSTS: readonly (readonly [number, number])[] = [
  [1, HEX_COST],
  [26, 0.1],
  [64, 0.25],
  [127, 0.8],
  [Number.POSITIVE_INFINITY, 1],
];
const MAX_REPEATS = 5000;
const MUST_ESCAPE: readonly CodeRange[] = [[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]; // biome-ignore format: one line
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, '\\'],
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
]);
const ANY: RegexNode = { kind: 'class', ranges: ANY_CHARACTER };
const ANY_TEXT: RegexNode = { kind: 'repeat', part: ANY, min: 0, max: Number.POSITIVE_INFINITY };

/** Writes the expressions of one grammar. */
export class RegexWriter {
  readonly #rules: GrammarRules;
  readonly #form: TextForm;

  constructor(rules: GrammarRules, form: TextForm) {
    this.#rules = rules;
    this.#form = form;
  }

  /**
   * The rule for a text that an expression matches, followed by another rule.
   *
   * @throws BitnetError `schema/too-large`, `regex/invalid` for a repetition of what may be empty
   */
  write(node: RegexNode, next: string): string {
    return node.kind === 'class'
      ? this.#rules.add(this.alternatives(node, next))
      : this.alternatives(node, next);
  }

  /** The same as alternatives for a rule's body. */
  alternatives(node: RegexNode, next: string): string {
    switch (node.kind) {
      case 'class':
        return this.#class(node.ranges, next);
      case 'sequence':
        return node.parts.reduceRight((rest, part) => this.write(part, rest), next);
      case 'choice':
        return this.#rules.add(node.parts.map((part) => this.write(part, next)).join(' | '));
      case 'repeat':
        return this.#repeat(node, next);
      default:
        throw new BitnetError(
          'regex/invalid',
          'a regular expression has ^ or $ within, which cannot be enforced; anchors belong to its ends',
        );
    }
  }

  #class(ranges: readonly CodeRange[], next: string): string {
    const set = normalized(ranges);
    const width = set.reduce((sum, [low, high]) => sum + high - low + 1, 0);
    if (width === 0) throw new BitnetError('regex/invalid', 'a regular expression has a class that is empty');
    const isHex = without(set, HEX).length === 0;
    this.#rules.spend(isHex ? HEX_COST : STATE_COSTS.find(([most]) => width <= most)![1]);
    const plain = this.#form === 'plain' ? set : without(set, MUST_ESCAPE);
    const ways = byteSequences(plain);
    if (this.#form === 'json') ways.push(...escapes(set));
    return ways.map((way) => `${way} ${next}`).join(' | ');
  }

  #repeat({ part, min, max }: RegexNode & { kind: 'repeat' }, next: string): string {
    const copies = Number.isFinite(max) ? max : min;
    if (copies > MAX_REPEATS) throw tooMany(copies);
    if (max < min) throw new BitnetError('regex/invalid', 'a repetition has its least number above its most');
    if (maximumLength(part) === 0) return next;
    let rule = next;
    if (Number.isFinite(max)) {
      for (let i = min; i < max; i++) rule = this.#rules.add(`${this.alternatives(part, rule)} | ${next}`);
    } else {
      if (minimumLength(part) === 0) {
        throw new BitnetError(
          'regex/invalid',
          'an unbounded repetition of what may be empty cannot be enforced',
        );
      }
      const loop = this.#rules.reserve();
      rule = this.#rules.define(loop, `${this.alternatives(part, loop)} | ${next}`);
    }
    for (let i = 0; i < min; i++) rule = this.write(part, rule);
    return rule;
  }
}

function tooMany(count: number): BitnetError {
  return new BitnetError(
    'schema/too-large',
    `a repetition of ${count} is more than the ${MAX_REPEATS} supported`,
  );
}

function escapes(set: readonly CodeRange[]): string[] {
  const out: string[] = [];
  for (let code = 0; code <= 0x5c; code++) {
    const isEscaped = MUST_ESCAPE.some(([low, high]) => code >= low && code <= high);
    if (!isEscaped || !set.some(([low, high]) => code >= low && code <= high)) continue;
    const short = SHORT_ESCAPES.get(code);
    const text = short === undefined ? `\\u${code.toString(16).padStart(4, '0')}` : `\\${short}`;
    out.push(`"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  }
  return out;
}

/** An expression that is searched for (JSON schema's pattern) as one of the whole text. */
export function wholeText(node: RegexNode): RegexNode {
  if (node.kind === 'choice') return { kind: 'choice', parts: node.parts.map(wholeText) };
  const parts = node.kind === 'sequence' ? [...node.parts] : [node];
  if (parts.length === 1 && (parts[0]!.kind === 'choice' || parts[0]!.kind === 'sequence')) {
    return wholeText(parts[0]!);
  }
  const starts = parts[0]?.kind === 'start';
  const ends = parts.at(-1)?.kind === 'end';
  const inner = parts.slice(starts ? 1 : 0, ends ? -1 : undefined);
  return {
    kind: 'sequence',
    parts: [...(starts ? [] : [ANY_TEXT]), ...inner, ...(ends ? [] : [ANY_TEXT])],
  };
}

/** The expression without anchors at its ends: it is matched against the whole text. */
export function withoutAnchors(node: RegexNode): RegexNode {
  if (node.kind === 'choice') return { kind: 'choice', parts: node.parts.map(withoutAnchors) };
  if (node.kind !== 'sequence') return node;
  const { parts } = node;
  const from = parts[0]?.kind === 'start' ? 1 : 0;
  return { kind: 'sequence', parts: parts.slice(from, parts.at(-1)?.kind === 'end' ? -1 : undefined) };
}

/** Fewest characters that an expression matches. */
export function minimumLength(node: RegexNode): number {
  switch (node.kind) {
    case 'class':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + minimumLength(part), 0);
    case 'choice':
      return Math.min(...node.parts.map(minimumLength));
    case 'repeat':
      return node.min === 0 ? 0 : node.min * minimumLength(node.part);
    default:
      return 0;
  }
}

/** Most characters that an expression matches; may be Infinity. */
export function maximumLength(node: RegexNode): number {
  switch (node.kind) {
    case 'class':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + maximumLength(part), 0);
    case 'choice':
      return Math.max(...node.parts.map(maximumLength));
    case 'repeat':
      return times(node.max, maximumLength(node.part));
    default:
      return 0;
  }
}

/** A product in which nothing outweighs Infinity. */
function times(count: number, length: number): number {
  return count === 0 || length === 0 ? 0 : count * length;
}
