/** The help of the program and of its commands, made from what the commands say about themselves, and its version. */
import { readFileSync } from 'node:fs';
import { HELP_OPTION } from './args.ts';
import type { Command, CommandOption } from './command.ts';
import type { Styles } from './terminal.ts';

const WIDTH = 96;
const INDENT = '  ';

/** What `bitnet --help` prints. */
export function programHelp(commands: readonly Command[], version: string, styles: Styles): string {
  const listed = commands.filter((command) => command.isHidden !== true);
  const examples = listed.flatMap((command) => command.examples.slice(0, 1));
  return [
    `bitnet ${version}: runs 1-bit (ternary, BitNet b1.58) language models on ordinary CPUs`,
    '',
    styles.bold('Usage'),
    `${INDENT}bitnet COMMAND [OPTIONS]`,
    '',
    styles.bold('Commands'),
    ...table(listed.map(({ name, summary }) => [styles.cyan(name), name.length, summary])),
    '',
    styles.bold('Options'),
    ...table([
      ['-h, --help', 10, 'Show this help; after a command, the help of that command.'],
      ['--version', 9, 'Show the version.'],
    ]),
    '',
    styles.bold('Environment'),
    ...table([
      ['BITNET_MODEL', 14, 'Model to use where none is given, instead of the bundled one.'],
      ['BITNET_BACKEND', 14, 'Backend to use where --backend is not given.'],
      ['HF_HOME', 7, 'Where models are kept; also HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE.'],
      ['BITNET_DEBUG=1', 14, 'Show where in the program an error arose.'],
      ['NO_COLOR', 8, 'When set, no colours.'],
    ]),
    '',
    styles.bold('Examples'),
    ...exampleLines(examples, styles),
    '',
    'A MODEL is a name of `bitnet models`, a repository of the hub (owner/name), or the path or URL of a GGUF',
    'file or of a Hugging Face folder (a URL then ends in /). What is not here is downloaded.',
    'Where it is left out, BITNET_MODEL is used, or the small model that comes with this package.',
    '',
  ].join('\n');
}

/** What `bitnet COMMAND --help` prints. */
export function commandHelp(command: Command, styles: Styles): string {
  const options = [...command.options, HELP_OPTION];
  return [
    command.summary,
    '',
    styles.bold('Usage'),
    `${INDENT}bitnet ${command.name} [OPTIONS]${command.positionals === '' ? '' : ` ${command.positionals}`}`,
    '',
    ...(command.details === undefined ? [] : [...wrap(command.details, WIDTH), '']),
    styles.bold('Options'),
    ...table(
      options.map((option) => {
        const spelling = spellingOf(option);
        return [styles.cyan(spelling), spelling.length, textOf(option)];
      }),
    ),
    '',
    ...(command.examples.length === 0
      ? []
      : [styles.bold('Examples'), ...exampleLines(command.examples, styles), '']),
  ].join('\n');
}

function spellingOf({ name, short, value }: CommandOption): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function textOf(option: CommandOption): string {
  const remarks = [
    ...(option.multiple === true ? ['may be given several times'] : []),
    ...(option.default === undefined ? [] : [`default: ${option.default}`]),
  ];
  return remarks.length === 0 ? option.help : `${option.help} (${remarks.join('; ')})`;
}

function exampleLines(examples: Command['examples'], styles: Styles): string[] {
  return examples.flatMap(([line, what]) => [`${INDENT}${line}`, `${INDENT}${INDENT}${styles.dim(what)}`]);
}

/** Lines of two columns; the middle entry is the visible length of the first. */
function table(rows: readonly (readonly [first: string, length: number, second: string])[]): string[] {
  const column = Math.min(28, Math.max(...rows.map(([, length]) => length)));
  return rows.flatMap(([first, length, second]) => {
    const lines = wrap(second, WIDTH - column - 4);
    const pad = ' '.repeat(column + 4);
    if (length > column) return [INDENT + first, ...lines.map((line) => pad + line)];
    return lines.map((line, i) =>
      i === 0 ? `${INDENT}${first}${' '.repeat(column - length + 2)}${line}` : pad + line,
    );
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The version of the package, as its package.json has it. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
