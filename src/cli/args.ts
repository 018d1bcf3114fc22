/**
 * A command line, held against the options that a command says it has. node:util's parser finds the parts; what they may
 * be is decided here, so that every mistake gets a sentence that names the nearest right spelling.
 */
import { parseArgs } from 'node:util';
import { nearestName } from '../base/nearest-name.ts';
import type { Command, CommandInput, CommandOption } from './command.ts';
import { UsageError } from './errors.ts';

/** A command line without what belongs to the program around it. */
export type ParsedArguments = Omit<CommandInput, 'signal'> & {
  /** --help was among the options. */
  readonly help: boolean;
};

/** Accepted by every command. */
export const HELP_OPTION: CommandOption = { name: 'help', short: 'h', help: 'Show this help.' };

/**
 * Parses what follows the name of a command.
 *
 * @throws UsageError for an unknown option, a missing value, or a value that is none
 */
export function parseCommandLine(command: Command, args: readonly string[]): ParsedArguments {
  const known = new Map([...command.options, HELP_OPTION].map((option) => [option.name, option]));
  const { tokens, positionals } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      [...known].map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) },
      ]),
    ),
  });
  const options: Record<string, string | boolean | readonly string[]> = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = known.get(token.name);
    if (option === undefined) throw unknownOption(command, token.rawName, [...known.values()]);
    const value = valueGiven(option, token.rawName, token.value, token.inlineValue === true);
    options[option.name] =
      option.multiple === true && typeof value === 'string'
        ? [...((options[option.name] as readonly string[] | undefined) ?? []), value]
        : value;
  }
  return { positionals, options, help: options.help === true };
}

function valueGiven(
  option: CommandOption,
  rawName: string,
  value: string | undefined,
  isInline: boolean,
): string | true {
  if (option.value === undefined) {
    if (value === undefined) return true;
    throw new UsageError(`${rawName} is a switch and takes no value, but "${value}" was given`);
  }
  // A negative number is a value; anything else that looks like an option is one, and the value was forgotten.
  const isForgotten = value === undefined || (!isInline && /^--?[a-z]/i.test(value) && !/^-inf/i.test(value));
  if (isForgotten) throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`);
  return value;
}

function unknownOption(command: Command, rawName: string, known: readonly CommandOption[]): UsageError {
  const near = rawName.startsWith('--')
    ? nearestName(
        rawName.slice(2),
        known.map(({ name }) => name),
      )
    : undefined;
  const hint =
    near === undefined ? `\`bitnet ${command.name} --help\` lists its options` : `did you mean --${near}?`;
  return new UsageError(`${command.name} has no option ${rawName}; ${hint}`);
}
