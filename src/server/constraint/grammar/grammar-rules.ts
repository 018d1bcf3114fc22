/**
 * Grammars in the EBNF that XGrammar reads, rule by rule. Two of its habits shape what the other files write: a range of
 * characters beyond ASCII is taken for a range of bytes, so all text beyond ASCII is written as its UTF-8 bytes; and a rule
 * that ends after every character makes each mask a search through the vocabulary, so texts are written right-linear: what
 * follows a part is named at its end.
 */
import { BitnetError } from '../../../base/errors.ts';

/** Most characters of a grammar. */
const MAX_GRAMMAR_UNITS = 2_000_000;

/** See the file's header. */
export class GrammarRules {
  readonly #bodies: string[] = [];
  readonly #named = new Map<string, string>();
  readonly #maxStates: number;
  #states = 0;
  #units = 0;

  /** @param maxStates most states that text of any kind may take: each is a mask over the vocabulary to compute */
  constructor(maxStates = 20_000) {
    this.#maxStates = maxStates;
  }

  /** A name for a rule that {@link define} gives a body. */
  reserve(): string {
    this.#bodies.push('');
    return `r${this.#bodies.length - 1}`;
  }

  /** Gives a reserved rule its body. */
  define(name: string, body: string): string {
    this.#units += body.length + name.length + 6;
    if (this.#units > MAX_GRAMMAR_UNITS) throw tooLarge('its grammar would be too long');
    this.#bodies[Number(name.slice(1))] = body;
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

  /**
   * Counts states.
   *
   * @throws BitnetError `schema/too-large` beyond the bound
   */
  spend(states: number): void {
    this.#states += states;
    if (this.#states > this.#maxStates) {
      throw tooLarge(
        `its lengths and repetitions take more than ${this.#maxStates} states with this model's vocabulary; ` +
          'lower maxLength, maxItems or the numbers in patterns, or leave them out',
      );
    }
  }

  /** The whole grammar. */
  text(root: string): string {
    return [`root ::= ${root}`, ...this.#bodies.map((body, i) => `r${i} ::= ${body}`)].join('\n');
  }
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
