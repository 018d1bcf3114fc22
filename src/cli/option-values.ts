/** Values of options, from the strings of a command line to what they mean, each with a sentence when it means nothing. */
import { nearestName } from '../base/nearest-name.ts';
import type { CommandInput } from './command.ts';
import { UsageError } from './errors.ts';

/** The text of an option, or undefined when it was not given. */
export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** All texts of an option that may be given several times. */
export function textsOption(input: CommandInput, name: string): readonly string[] {
  const value = input.options[name];
  return Array.isArray(value) ? value : [];
}

/** Whether a switch was given. */
export function switchOption(input: CommandInput, name: string): boolean {
  return input.options[name] === true;
}

/** The number of an option. @throws UsageError when it is none */
export function numberOption(input: CommandInput, name: string): number | undefined {
  const text = textOption(input, name);
  return text === undefined ? undefined : parseNumber(text, `--${name}`);
}

/** The whole number of an option. @throws UsageError when it is none, or outside of the range */
export function wholeOption(
  input: CommandInput,
  name: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = numberOption(input, name);
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  throw new UsageError(`--${name} is ${textOption(input, name)}, and must be a whole number, ${range}`);
}

/**
 * The whole numbers of an option like `128,512`, each once, in the order given.
 *
 * @param what they are numbers of, for messages
 * @throws UsageError when one of them is none, or outside of the range
 */
export function wholesOption(
  input: CommandInput,
  name: string,
  what: string,
  least: number,
  most: number,
): number[] | undefined {
  const text = textOption(input, name);
  if (text === undefined) return undefined;
  const values = text.split(',').map((part) => {
    const value = /^\d+$/.test(part.trim()) ? Number(part) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new UsageError(
      `--${name} is "${text}", and must be numbers of ${what} from ${least} to ${most} with commas between`,
    );
  });
  return [...new Set(values)];
}

/** The value of an option that must be one of a few. @throws UsageError with the nearest one */
export function choiceOption<T extends string>(
  input: CommandInput,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = textOption(input, name);
  return text === undefined ? undefined : parseChoice(text, `--${name}`, choices);
}

/** One of `choices`. @param where what to call the place of the text in messages */
export function parseChoice<T extends string>(text: string, where: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const near = nearestName(text, choices);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  throw new UsageError(`${where} is "${text}", and must be one of ${choices.join(', ')}${hint}`);
}

/** A decimal number. @param where what to call the place of the text in messages */
export function parseNumber(text: string, where: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  throw new UsageError(`${where} is "${text}", and must be a number`);
}
