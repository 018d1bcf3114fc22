/**
 * Reads the fields of a recipe's JSON one by one: type and range of each checked, defaults filled in, and fields that
 * nobody asked for refused by name, so that a misspelt one is not silently without effect.
 */
import { BitnetError } from '../base/errors.ts';
import { describeJson, isJsonObject, type JsonObject } from '../formats/json.ts';

/** Bounds of a number, both allowed unless said otherwise. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
  /** Only whole numbers. */
  readonly isWhole?: boolean;
  /** A whole number has to be a multiple of it. */
  readonly multipleOf?: number;
  /** Whether `least` itself is too small. */
  readonly isAbove?: boolean;
}

/** The error that says what is wrong with a recipe. */
export function badConfig(recipe: string, what: string): BitnetError {
  return new BitnetError('train/bad-config', `${recipe}: ${what}`);
}

/** One object of a recipe. Every method throws BitnetError `train/bad-config`. */
export class ConfigFields {
  readonly #recipe: string;
  readonly #path: string;
  readonly #json: JsonObject;
  readonly #asked = new Set<string>();

  /** @param path  where the object is in the recipe, '' for the recipe itself */
  constructor(recipe: string, json: unknown, path = '') {
    this.#recipe = recipe;
    this.#path = path;
    if (!isJsonObject(json)) {
      const what = path === '' ? 'the recipe' : path;
      throw badConfig(recipe, `${what} is ${describeJson(json)}, and must be an object`);
    }
    this.#json = json;
  }

  /** Whether the recipe says anything about a field; it then counts as asked for. */
  has(key: string): boolean {
    this.#asked.add(key);
    return Object.hasOwn(this.#json, key) && this.#json[key] !== undefined;
  }

  /** An object in this one, empty where it is left out. */
  section(key: string): ConfigFields {
    return new ConfigFields(this.#recipe, this.has(key) ? this.#json[key] : {}, this.#named(key));
  }

  number(key: string, fallback: number, bounds: Bounds): number {
    const value = this.has(key) ? this.#json[key] : fallback;
    const { least, most, isWhole = false, multipleOf = 1, isAbove = false } = bounds;
    const isFine =
      typeof value === 'number' &&
      (isAbove ? value > least : value >= least) &&
      value <= most &&
      (!isWhole || (Number.isSafeInteger(value) && value % multipleOf === 0));
    if (isFine) return value;
    const kind = !isWhole ? 'a number' : multipleOf === 1 ? 'a whole number' : `a multiple of ${multipleOf}`;
    const range = isAbove ? `above ${least} and at most ${most}` : `from ${least} to ${most}`;
    throw this.error(`${this.#named(key)} is ${describeJson(value)}, and must be ${kind} ${range}`);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.has(key) ? this.#json[key] : fallback;
    if (typeof value === 'boolean') return value;
    throw this.error(`${this.#named(key)} is ${describeJson(value)}, and must be true or false`);
  }

  /** A text that is not empty. */
  text(key: string, fallback?: string): string {
    const value = this.has(key) ? this.#json[key] : fallback;
    if (typeof value === 'string' && value !== '') return value;
    const what = value === '' ? 'empty' : describeJson(value);
    throw this.error(`${this.#named(key)} is ${what}, and must be a text`);
  }

  /** One of some texts. */
  choice<Choice extends string>(key: string, fallback: Choice, choices: readonly Choice[]): Choice {
    const value = this.has(key) ? this.#json[key] : fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw this.error(
      `${this.#named(key)} is ${describeJson(value)}, and must be ${choices.map((choice) => `"${choice}"`).join(' or ')}`,
    );
  }

  /** A list of texts, none of them empty or there twice. */
  texts(key: string, fallback: readonly string[]): readonly string[] {
    const value = this.has(key) ? this.#json[key] : fallback;
    const isFine = Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
    if (!isFine) {
      throw this.error(
        `${this.#named(key)} is ${Array.isArray(value) ? 'a list with something else than texts' : describeJson(value)}, and must be a list of texts`,
      );
    }
    const repeated = value.find((item, i) => value.indexOf(item) !== i);
    if (repeated === undefined) return value;
    throw this.error(`${this.#named(key)} has ${describeJson(repeated)} twice`);
  }

  /** To be called last: throws when the recipe has a field that was not asked for. */
  finish(): void {
    const unknown = Object.keys(this.#json).find((key) => !this.#asked.has(key));
    if (unknown === undefined) return;
    const where = this.#path === '' ? 'a recipe' : `"${this.#path}"`;
    throw this.error(
      `there is no field "${unknown}" in ${where}; known are ${[...this.#asked].sort().join(', ')}`,
    );
  }

  /** An error about this recipe. */
  error(what: string): BitnetError {
    return badConfig(this.#recipe, what);
  }

  #named(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}
