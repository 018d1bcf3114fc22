/** `bitnet inspect`: what a model is, from its headers alone. */
import { BitnetError } from '../../../base/errors.ts';
import { KV_CACHE_TYPES } from '../../../engine/options.ts';
import { selectBackend } from '../../../kernels/select.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus } from '../../errors.ts';
import { withHeaders } from '../../inspect/headers.ts';
import { type ModelReport, reportOn } from '../../inspect/model-report.ts';
import { reportLines, tensorLines } from '../../inspect/print-report.ts';
import { OFFLINE_OPTION, splitModel } from '../../model-argument.ts';
import { choiceOption, switchOption, wholeOption } from '../../option-values.ts';
import { stylesOf, write } from '../../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'inspect',
  summary: 'Show what a model is: architecture, tensors, memory, tokenizer, chat template, defects.',
  positionals: '[MODEL]',
  details:
    'Reads the headers only, so it is quick on files of any size and on URLs. Exits with 1 when the model could not be ' +
    'loaded, and says why.',
  options: [
    { name: 'tensors', help: 'List every tensor: name, type, shape, bytes.' },
    { name: 'json', help: 'Write one JSON object with everything, tensors and metadata included.' },
    {
      name: 'context',
      value: 'N',
      help: 'Tokens of context to count the memory for.',
      default: "the model's own context, at most 4096",
    },
    {
      name: 'kv-cache',
      value: 'TYPE',
      help: `KV cache to count the memory for: ${KV_CACHE_TYPES.join(', ')}.`,
      default: 'f16',
    },
    OFFLINE_OPTION,
  ],
  examples: [
    ['bitnet inspect model.gguf', 'a summary'],
    ['bitnet inspect model.gguf --context 32768', 'with the memory that a long context takes'],
    ['bitnet inspect https://example.org/model.gguf --tensors', 'reads only the header over the network'],
    ['bitnet inspect model.gguf --json | jq .config', 'for programs'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source } = splitModel(input, 'inspect', []);
  const context = wholeOption(input, 'context', 1);
  const kvCache = choiceOption(input, 'kv-cache', KV_CACHE_TYPES);
  const { backend } = await selectBackend(undefined, false);
  const report = await withHeaders(
    source,
    { signal: input.signal, offline: switchOption(input, 'offline') },
    (model) => {
      checkContext(context, model.config.contextLength);
      return reportOn(model, {
        kernels: backend.kernels,
        ...(context === undefined ? {} : { contextLength: context }),
        ...(kvCache === undefined ? {} : { kvCache }),
      });
    },
  );
  await write(process.stdout, render(report, input));
  return report.problems.length === 0 ? ExitStatus.ok : ExitStatus.failure;
}

function checkContext(context: number | undefined, trained: number): void {
  if (context === undefined || context <= trained) return;
  throw new BitnetError(
    'option/contextLength',
    `--context is ${context}, and the model's own context is ${trained}`,
  );
}

function render(report: ModelReport, input: CommandInput): string {
  if (switchOption(input, 'json')) {
    return `${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`;
  }
  const lines = reportLines(report, stylesOf(process.stdout));
  const tensors = switchOption(input, 'tensors') ? ['', ...tensorLines(report)] : [];
  return `${[...lines, ...tensors].join('\n')}\n`;
}
