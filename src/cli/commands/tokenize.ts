/** `bitnet tokenize`: a text as the model's tokens, and tokens as text. Reads no weights. */
import { readModelText } from '../../engine/text.ts';
import type { Tokenizer } from '../../index.ts';
import { textOfBytes, tokenDisplay } from '../../tokenizer/tokenizer.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus, UsageError } from '../errors.ts';
import { withHeaders } from '../inspect/headers.ts';
import { OFFLINE_OPTION, splitModel } from '../model-argument.ts';
import { switchOption, textOption } from '../option-values.ts';
import { printable, readStandardInput, stylesOf, write, writeOutput } from '../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'tokenize',
  summary: 'Show the tokens of a text, or the text of tokens.',
  positionals: '[MODEL] TEXT',
  details:
    'Writes the ids on one line, or a table with what each stands for on a terminal. With - as TEXT it is read from ' +
    'stdin (without the newline at its end).',
  options: [
    { name: 'bos', help: "Put the model's beginning-of-text token first." },
    { name: 'special', help: 'Read the text of control tokens, such as <|eot_id|>, as those tokens.' },
    { name: 'decode', value: 'IDS', help: 'The other way: the text of these ids; there is no TEXT then.' },
    { name: 'json', help: 'Write one JSON object.' },
    OFFLINE_OPTION,
  ],
  examples: [
    ['bitnet tokenize "Hello, world!"', 'with the tokenizer of the bundled model'],
    ['bitnet tokenize model.gguf - < file.txt | wc -w', 'counts the tokens of a file'],
    ['bitnet tokenize model.gguf --decode 72,490,111', 'what these tokens stand for'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const decode = textOption(input, 'decode');
  const { model: source, words } = splitModel(input, 'tokenize', decode === undefined ? ['TEXT'] : []);
  const [word = ''] = words;
  const ids = decode === undefined ? [] : parseIds(decode);
  const text = word === '-' ? await readStandardInput(input.signal) : word;
  const tokenizer = await withHeaders(
    source,
    { signal: input.signal, offline: switchOption(input, 'offline') },
    (model) => readModelText(model).tokenizer,
  );
  if (decode !== undefined) await writeDecoded(input, tokenizer, ids);
  else await writeTokens(input, tokenizer, text);
  return ExitStatus.ok;
}

function parseIds(text: string): number[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const wrong = words.find((word) => !/^\d{1,15}$/.test(word));
  if (wrong !== undefined || words.length === 0) {
    throw new UsageError(
      `--decode is "${text}", and must be token ids with commas or spaces between: 72,490`,
    );
  }
  return words.map(Number);
}

async function writeDecoded(
  input: CommandInput,
  tokenizer: Tokenizer,
  ids: readonly number[],
): Promise<void> {
  const text = tokenizer.decode(ids);
  await writeOutput(`${switchOption(input, 'json') ? JSON.stringify({ text, tokens: ids }) : text}\n`);
}

async function writeTokens(input: CommandInput, tokenizer: Tokenizer, text: string): Promise<void> {
  const ids = tokenizer.encode(text, {
    addBos: switchOption(input, 'bos'),
    addEos: false,
    parseSpecial: switchOption(input, 'special'),
  });
  if (switchOption(input, 'json')) {
    const tokens = ids.map((id) => ({
      id,
      text: tokenDisplay(tokenizer, id),
      special: tokenizer.isSpecial(id),
    }));
    await writeOutput(`${JSON.stringify({ count: ids.length, ids, tokens })}\n`);
  } else if (process.stdout.isTTY) {
    await write(process.stdout, tableOf(tokenizer, ids));
  } else {
    await writeOutput(`${ids.join(' ')}\n`);
  }
}

function tableOf(tokenizer: Tokenizer, ids: readonly number[]): string {
  const styles = stylesOf(process.stdout);
  const width = String(tokenizer.vocabSize - 1).length;
  const rows = ids.map((id) => {
    const shown = printable(tokenDisplay(tokenizer, id));
    const isQuoted = !tokenizer.isSpecial(id) && textOfBytes(tokenizer.tokenBytes(id)) !== undefined;
    return `${String(id).padStart(width)}  ${isQuoted ? JSON.stringify(shown) : styles.cyan(shown)}\n`;
  });
  return `${rows.join('')}${styles.dim(`${ids.length} token${ids.length === 1 ? '' : 's'}`)}\n`;
}
