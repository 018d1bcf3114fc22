/** Rules for JSON texts of any content (RFC 8259), with bounded whitespace: a sampler must not be able to write blanks for ever. */
import { parseRegex } from '../regex/parse-regex.ts';
import { RegexWriter } from '../regex/regex-grammar.ts';
import { ANY_NUMBER } from '../schema/number-ranges.ts';
import type { GrammarRules } from './grammar-rules.ts';
import { byteSequences, type CodeRange, without } from './utf8-classes.ts';

/** Characters that stand for themselves in a JSON string. */
const PLAIN: readonly CodeRange[] = [[0x20, 0x21], [0x23, 0x5b], [0x5d, 0x10ffff]]; // biome-ignore format: one line
const HEX = '[0-9a-fA-F]';
/** Escapes; surrogates only in pairs. */
const ESCAPES = [
  '["\\\\/bfnrt]',
  `"u" [0-9a-cA-CefEF] ${HEX} ${HEX} ${HEX}`,
  `"u" [dD] [0-7] ${HEX} ${HEX}`,
  `"u" [dD] [89abAB] ${HEX} ${HEX} "\\\\u" [dD] [c-fC-F] ${HEX} ${HEX}`,
];
const MAX_INDENT = 20;

/** Writes the rules that all schemas of a grammar share. */
export class JsonGrammar {
  readonly rules: GrammarRules;
  /** Expressions as they are written within JSON strings. */
  readonly strings: RegexWriter;

  constructor(rules: GrammarRules) {
    this.rules = rules;
    this.strings = new RegexWriter(rules, 'json');
  }

  /** Nothing, a space, or a line break with an indent. */
  get space(): string {
    return this.rules.shared('space', () => {
      let rule = '""';
      for (let i = 0; i < MAX_INDENT; i++) rule = this.rules.add(`"" | [ \\t] ${rule}`);
      return `"" | " " | "\\n" ${rule}`;
    });
  }

  /** The end of a string behind its last character. */
  get quote(): string {
    return this.rules.shared('quote', () => '"\\""');
  }

  /** The end of a text that is no JSON. */
  get end(): string {
    return this.rules.shared('end', () => '""');
  }

  /** Any string. */
  get string(): string {
    return this.rules.shared('string', () => {
      const rest = this.rules.shared('string-rest', () => {
        const next = this.rules.shared('string-rest', () => '');
        const ways = [...byteSequences(PLAIN), ...ESCAPES.map((form) => `"\\\\" ${form}`)];
        return `"\\"" | ${ways.map((way) => `${way} ${next}`).join(' | ')}`;
      });
      return `"\\"" ${rest}`;
    });
  }

  /** Any number. */
  get number(): string {
    return this.expression(ANY_NUMBER);
  }

  /** What a regular expression matches, without quotes. */
  expression(pattern: string): string {
    return this.rules.shared(`expression ${pattern}`, () =>
      this.strings.write(parseRegex(pattern), this.end),
    );
  }

  /** Any value. */
  get value(): string {
    return this.rules.shared('value', () => {
      const { string, number, object, array } = this;
      return `${string} | ${number} | "true" | "false" | "null" | ${object} | ${array}`;
    });
  }

  /** Any object. */
  get object(): string {
    return this.rules.shared('object', () => this.objectOf(this.string, () => this.value, 0));
  }

  /** Any array. */
  get array(): string {
    return this.rules.shared('array', () => this.list(() => this.value, 0, Number.POSITIVE_INFINITY));
  }

  /** A key with its value. */
  member(key: string, value: string): string {
    return `${key} ":" ${this.space} ${value}`;
  }

  /** An object of any number of members that are alike; at least `min` (0 or 1). */
  objectOf(key: string, value: () => string, min: number): string {
    const { space, rules } = this;
    const member = rules.add(this.member(key, value()));
    const more = rules.reserve();
    rules.define(more, `${space} "}" | "," ${space} ${member} ${more}`);
    return `"{" ${space} ${min > 0 ? '' : '"}" | "{" '}${min > 0 ? '' : `${space} `}${member} ${more}`;
  }

  /** An array of items that are alike. */
  list(item: () => string, min: number, max: number): string {
    const { space } = this;
    if (max === 0) return `"[" ${space} "]"`;
    const rule = this.rules.add(item());
    const some = `"[" ${space} ${rule} ${this.tail(rule, min - 1, max - 1)}`;
    return min > 0 ? some : `"[" ${space} "]" | ${some}`;
  }

  /** Between `min` (0 if below) and `max` further items of an array, and its end; none for undefined. */
  tail(item: string | undefined, min: number, max: number): string {
    const { space, rules } = this;
    const close = rules.shared('close-list', () => `${space} "]"`);
    if (item === undefined) return close;
    let more = close;
    if (Number.isFinite(max)) {
      for (let i = Math.max(0, min); i < max; i++) {
        rules.spend(0.05);
        more = rules.add(`${close} | "," ${space} ${item} ${more}`);
      }
    } else {
      more = rules.reserve();
      rules.define(more, `${close} | "," ${space} ${item} ${more}`);
    }
    for (let i = 0; i < min; i++) {
      rules.spend(0.05);
      more = rules.add(`"," ${space} ${item} ${more}`);
    }
    return more;
  }

  /** A string that is none of some, without escapes. */
  keyBut(names: readonly string[]): string {
    // A name that needs escapes cannot be met.
    const others = [...new Set(names)].filter((name) => JSON.stringify(name) === `"${name}"`);
    return `"\\"" ${this.#keyRest(others.map((name) => [...name]))}`;
  }

  #keyRest(names: readonly (readonly string[])[]): string {
    const { rules } = this;
    if (names.length === 0) {
      return rules.shared('key-rest', () => {
        rules.spend(1);
        const next = rules.shared('key-rest', () => '');
        return ['"\\""', ...byteSequences(PLAIN).map((way) => `${way} ${next}`)].join(' | ');
      });
    }
    rules.spend(1);
    const isName = names.some((name) => name.length === 0);
    const branches = new Map<string, (readonly string[])[]>();
    for (const name of names) {
      const first = name[0];
      if (first !== undefined) branches.set(first, [...(branches.get(first) ?? []), name]);
    }
    const ways = isName ? [] : ['"\\""'];
    const taken = [...branches.keys()].map(
      (first): CodeRange => [first.codePointAt(0)!, first.codePointAt(0)!],
    );
    const free = this.#keyRest([]);
    ways.push(...byteSequences(without(PLAIN, taken)).map((way) => `${way} ${free}`));
    for (const [first, rest] of branches) {
      const code = first.codePointAt(0)!;
      const next = this.#keyRest(rest.map((name) => name.slice(1)));
      ways.push(...byteSequences([[code, code]]).map((way) => `${way} ${next}`));
    }
    return rules.add(ways.join(' | '));
  }
}
