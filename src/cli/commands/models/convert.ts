/** `bitnet convert`: a model in another format, or in another type of its own. */
import {
  type ConvertTarget,
  FOLDER_TYPES,
  GGUF_TYPES,
  TABLE_TYPES,
} from '../../../convert/convert-options.ts';
import type { Verification } from '../../../convert/verify.ts';
import type { Command, CommandInput } from '../../command.ts';
import { type ConvertResult, convertModel } from '../../convert/convert-model.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { OFFLINE_OPTION } from '../../model-argument.ts';
import { choiceOption, switchOption, textOption } from '../../option-values.ts';
import { formatBytes, formatSeconds } from '../../quantities.ts';
import { printableLine, stylesOf, writeOutput } from '../../terminal.ts';

const FOLDER_WORD = 'huggingface';
const TYPES = [...Object.keys(GGUF_TYPES), 'packed', FOLDER_WORD];

/** The command. */
export const command: Command = {
  name: 'convert',
  summary: 'Convert a model between GGUF and the layout of Hugging Face, or to another type.',
  positionals: 'SOURCE OUT',
  details:
    'An OUT that ends in .gguf becomes a GGUF file, any other OUT a folder. Codes and scales stay as they are wherever ' +
    'the type can hold them, and what is lost is said in one line each; known defects of published files are put right. ' +
    'Master weights are quantised as they were in training. Dense models are not made ternary, since nothing useful is ' +
    'left of them. Memory stays below 1 GB for models of any size, but for --verify.',
  options: [
    {
      name: 'type',
      value: 'TYPE',
      help: `How projections are stored: ${Object.keys(GGUF_TYPES).join(', ')} in GGUF; packed (or huggingface), bf16, f16, f32 in a folder.`,
      default: 'i2_s or packed; 16 bits for dense models',
    },
    {
      name: 'embedding',
      value: 'TYPE',
      help: `How embedding and head are stored: ${Object.keys(TABLE_TYPES).join(', ')}.`,
      default: 'f16 in GGUF; what holds them exactly in a folder',
    },
    { name: 'name', value: 'NAME', help: 'Name of the model in the result.', default: "the source's" },
    { name: 'verify', help: 'Run source and result on the same tokens and compare their logits.' },
    { name: 'force', help: 'Replace OUT when it exists, and make dense models ternary when --type says so.' },
    OFFLINE_OPTION,
    { name: 'json', help: 'Write one JSON object about what was done.' },
  ],
  examples: [
    ['bitnet convert 2b4t:masters 2b4t.gguf', 'master weights, downloaded first, to I2_S'],
    [
      'bitnet convert 2b4t.gguf 2b4t-tq2.gguf --type tq2_0 --embedding q6_k',
      'for other programs, and smaller',
    ],
    ['bitnet convert 2b4t.gguf 2b4t/ --verify', 'a folder for transformers, compared with the file'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [source, out, surplus] = input.positionals;
  if (!source || !out) throw new UsageError('SOURCE and OUT are needed: bitnet convert SOURCE OUT');
  if (surplus !== undefined) {
    throw new UsageError(`"${surplus}" is one word too many: one model is converted at a time`);
  }
  const path = out.length > 1 ? out.replace(/[/\\]+$/, '') : out;
  const force = switchOption(input, 'force');
  const table = choiceOption(input, 'embedding', keysOf(TABLE_TYPES));
  const name = textOption(input, 'name');
  const start = performance.now();
  const result = await convertModel({
    source,
    out: path,
    options: {
      target: targetOf(path, choiceOption(input, 'type', TYPES)),
      force,
      ...(table === undefined ? {} : { table: TABLE_TYPES[table] }),
      ...(name === undefined ? {} : { name }),
    },
    replaces: force,
    verifies: switchOption(input, 'verify'),
    offline: switchOption(input, 'offline'),
    signal: input.signal,
  });
  const seconds = (performance.now() - start) / 1000;
  if (switchOption(input, 'json')) {
    await writeOutput(`${JSON.stringify({ source, out: path, seconds, ...result })}\n`);
  } else await writeOutput(`${reportLines(path, result, seconds).join('\n')}\n`);
  return result.verification?.isExplained === false ? ExitStatus.failure : ExitStatus.ok;
}

/** What OUT and --type ask for together. @throws UsageError when they contradict each other */
function targetOf(out: string, type: string | undefined): ConvertTarget {
  if (/\.gguf$/i.test(out)) {
    if (type === undefined) return { format: 'gguf', projections: undefined };
    const projections = keysOf(GGUF_TYPES).find((key) => key === type);
    if (projections !== undefined) return { format: 'gguf', projections: GGUF_TYPES[projections] };
    throw new UsageError(`--type ${type} makes a folder, and ${out} ends in .gguf; choose one of the two`);
  }
  if (/\.(safetensors|bin|json|pt)$/i.test(out)) {
    throw new UsageError(
      `OUT is ${out}, and must be a name that ends in .gguf, or the name of a folder for everything else`,
    );
  }
  if (type === undefined || type === FOLDER_WORD) return { format: 'huggingFace', projections: undefined };
  const projections = keysOf(FOLDER_TYPES).find((key) => key === type);
  if (projections !== undefined) return { format: 'huggingFace', projections: FOLDER_TYPES[projections] };
  throw new UsageError(`--type ${type} makes a GGUF file, so OUT has to end in .gguf: ${out}.gguf`);
}

function keysOf<T extends object>(value: T): (keyof T & string)[] {
  return Object.keys(value) as (keyof T & string)[];
}

function reportLines(out: string, result: ConvertResult, seconds: number): string[] {
  const { yellow } = stylesOf(process.stdout);
  const { projections, bytes, notes, losses, isReordered, verification } = result;
  const type = projections === 'U8' ? 'packed' : projections;
  return [
    `${out}: ${type}, ${formatBytes(bytes)}, in ${formatSeconds(seconds)}`,
    ...notes.map((note) => `  ${printableLine(note)}`),
    ...(losses.length === 0 ? ['  Nothing was lost: all codes, scales and other values are the same.'] : []),
    ...losses.map((loss) => yellow(`  ${printableLine(loss)}`)),
    ...(verification === undefined ? [] : [`  ${verificationLine(verification, losses, isReordered)}`]),
  ];
}

function verificationLine(found: Verification, losses: readonly string[], isReordered: boolean): string {
  const { hasSameTokens, isIdentical, tokens, largest, relative, sameBest, isExplained } = found;
  if (!hasSameTokens)
    return 'Compared: the two make different tokens of the same text, and the result is wrong.';
  if (isIdentical) return `Compared: identical logits after each of ${tokens} tokens.`;
  const numbers =
    `Compared: logits differ by up to ${largest.toPrecision(3)} (${(100 * relative).toPrecision(2)} % of their spread); ` +
    `after ${sameBest} of ${tokens} tokens both expect the same next one.`;
  const order =
    'rows of queries and keys have the order of the other format, and sums of their products round otherwise';
  const why = [...(losses.length > 0 ? ['what was lost'] : []), ...(isReordered ? [order] : [])].join(
    ', and ',
  );
  if (isExplained) return `${numbers} The reason: ${why}.`;
  return `${numbers} That is more than ${why === '' ? 'nothing, which was lost,' : `this explains (${why})`}; the result is wrong.`;
}
