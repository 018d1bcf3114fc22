/**
 * Grammars in the EBNF that XGrammar reads, rule by rule. Two of its habits shape what the other files write: a range of
 * characters beyond ASCII is taken for a range of bytes, so all text beyond ASCII is written as its UTF-8 bytes; and a rule
 * that ends after every character makes each mask a search through the vocabulary, so texts are written right-linear: what
 * follows a part is named at its end.
 */
import { BitnetError } from '../../../base/errors.ts';

/** Most characters of a grammar. */
const MAX_GRAMMAR_UNITS = 600_000;
const MAX_RULES = 5000;
/** Most characters of the texts of lists. */
const MAX_LISTED_UNITS = 60_000;
/** Most pairs of a rule and another that a text of it may begin with: what optional parts in a row make many. */
const MAX_BEGINNINGS = 100_000;
/** Most squares of the numbers of ways that unions have: ways that begin alike are followed side by side. */
const MAX_UNION_WORK = 4000;
const USUAL_STATES_BEHIND = 3;
/** Others cost masks as well. */
const UNUSUAL_STATE_COST = 3;
const REDUCE =
  'lower maxLength, maxItems or the numbers in patterns, use fewer alternatives, or leave additionalProperties out';

/** See the file's header. */
export class GrammarRules {
  readonly #bodies: string[] = [];
  readonly #named = new Map<string, string>();
  readonly #maxStates: number;
  /** States by rule, and those of the rule that is defined next. */
  readonly #costs: number[] = [];
  #pending = 0;
  #states = 0;
  #units = 0;
  #listedUnits = 0;
  #unionWork = 0;

  /** @param maxStates most states that text of any kind may take: each is a mask over the vocabulary to compute */
  constructor(maxStates = 20_000) {
    this.#maxStates = maxStates;
  }

  /** A name for a rule that {@link define} gives a body. */
  reserve(): string {
    if (this.#bodies.length === MAX_RULES) throw tooLarge('its grammar would have too many parts');
    this.#bodies.push('');
    return `r${this.#bodies.length - 1}`;
  }

  /** Gives a reserved rule its body. */
  define(name: string, body: string): string {
    this.#units += body.length + name.length + 6;
    if (this.#units > MAX_GRAMMAR_UNITS) throw tooLarge('its grammar would be too long');
    const index = Number(name.slice(1));
    this.#bodies[index] = body;
    this.#costs[index] = this.#pending;
    this.#pending = 0;
    return name;
  }

  /** A new rule. */
  add(body: string): string {
    return this.define(this.reserve(), body);
  }

  /** The rule of a key, written when it is first asked for; it may ask for itself meanwhile. */
  shared(key: string, body: () => string): string {
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#named.set(key, name);
    return this.define(name, body());
  }

  /** Alternatives of a list of texts. */
  listed(texts: readonly string[]): string {
    for (const text of texts) this.#listedUnits += text.length;
    if (this.#listedUnits > MAX_LISTED_UNITS) {
      throw tooLarge(
        `its lists of values have more than ${MAX_LISTED_UNITS} characters together; shorten them or leave them out`,
      );
    }
    return [...new Set(texts)].map(literal).join(' | ');
  }

  /** Alternatives of schemas, written one after the other. */
  union<T>(ways: readonly T[], rule: (way: T) => string): string {
    this.#unionWork += ways.length ** 2;
    if (this.#unionWork > MAX_UNION_WORK) {
      throw tooLarge(
        `its unions (anyOf, oneOf) have too many schemas: the squares of their numbers may add up to ${MAX_UNION_WORK}; use fewer`,
      );
    }
    return this.add(ways.map(rule).join(' | '));
  }

  /**
   * Counts states, for the rule that is defined next.
   *
   * @throws BitnetError `schema/too-large` beyond the bound
   */
  spend(states: number): void {
    this.#pending += states;
    this.#addStates(states);
  }

  /**
   * The whole grammar.
   *
   * @throws BitnetError `schema/too-large` where too much of it may come at the same place
   */
  text(root: string): string {
    this.#countBeginnings();
    return [`root ::= ${root}`, ...this.#bodies.map((body, i) => `r${i} ::= ${body}`)].join('\n');
  }

  #addStates(states: number): void {
    this.#states += states;
    if (this.#states > this.#maxStates) {
      throw tooLarge(
        `its lengths, repetitions and alternatives take more than ${this.#maxStates} states with this model's vocabulary; ${REDUCE}`,
      );
    }
  }

  /**
   * A token is followed through all that may come at a place: a state costs more the more states may come behind it at
   * once (as in `(a?b?){50}`). A few are usual, and within the measured costs.
   */
  #countBeginnings(): void {
    const parts = this.#bodies.map(partsOf);
    let pairs = 0;
    const reachable = (from: readonly number[]): Set<number> => {
      const met = new Set(from);
      for (const rule of met) {
        for (const next of parts[rule]!.first) met.add(next);
        if (pairs + met.size > MAX_BEGINNINGS) {
          throw tooLarge(
            `its optional parts can be left out in more than ${MAX_BEGINNINGS} ways; make properties required, or use fewer`,
          );
        }
      }
      pairs += met.size;
      return met;
    };
    for (const [rule, { later }] of parts.entries()) {
      reachable([rule]);
      const own = this.#costs[rule]!;
      if (own === 0) continue;
      let behind = 0;
      for (const other of reachable(later)) behind += this.#costs[other]!;
      this.#addStates(UNUSUAL_STATE_COST * Math.max(0, behind - USUAL_STATES_BEHIND * own));
    }
  }
}

/** Rules that alternatives of a body begin with, and the others that it names. */
function partsOf(body: string): { readonly first: number[]; readonly later: number[] } {
  const plain = body.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const numbers = (pattern: RegExp) => Array.from(plain.matchAll(pattern), ([, digits]) => Number(digits));
  return { first: numbers(/(?:^|\| )r(\d+)/g), later: [...new Set(numbers(/[^|] r(\d+)/g))] };
}

function tooLarge(reason: string): BitnetError {
  return new BitnetError('schema/too-large', `the output format cannot be enforced: ${reason}`);
}

/** A text as an EBNF literal, in ASCII; lone surrogates count as U+FFFD. */
export function literal(text: string): string {
  let out = '"';
  for (const character of text.toWellFormed()) {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === '\\') out += `\\${character}`;
    else if (code >= 0x20 && code < 0x7f) out += character;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return text === '' ? '""' : `${out}"`;
}
