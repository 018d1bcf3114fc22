/** `bitnet bench`: how fast a model reads and writes here, how long it loads and how much memory it takes. */
import { stat } from 'node:fs/promises';
import { BitnetError } from '../../base/errors.ts';
import { openSource } from '../../engine/source.ts';
import type { LoadOptions, Model } from '../../index.ts';
import { openModel } from '../../model/open.ts';
import { measureModel } from '../bench/measure.ts';
import { type PlannedBench, planOf, SHORT_PROMPT, shorterPlan } from '../bench/plan.ts';
import { type BenchReport, createReport, mergeReports } from '../bench/report.ts';
import { reportCsv, reportMarkdown, reportText } from '../bench/tables.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import { loadOptionsOf, loadWithProgress, MODEL_OPTIONS, splitModel } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { locateModel } from '../models/locate-model.ts';
import { choiceOption, switchOption } from '../option-values.ts';
import { ProgressBar } from '../progress.ts';
import { printableLine, stylesOf, writeNote, writeOutput } from '../terminal.ts';

const FORMATS = ['table', 'md', 'csv', 'json'] as const;

/** Options of every command that mean something else here, or come as lists. */
const OWN_OPTIONS = ['threads', 'context', 'batch'];

/** The command. */
export const command: Command = {
  name: 'bench',
  summary: 'Measure speed, load time and memory.',
  positionals: '[MODEL]',
  details:
    'Measures how many tokens of a prompt are processed per second (random tokens, from an empty session to the logits ' +
    `of the last one), how many are generated (always the likeliest, behind a prompt of ${SHORT_PROMPT}, without ` +
    'stopping at stop tokens; sampling included), the time to the first token after the shortest prompt, the time to ' +
    'load, the most physical memory that the process took, how fast the threads can read memory, and how near to that ' +
    'limit generation comes. After some seconds that do not count, medians of several runs. Where several numbers are given, each ' +
    'is measured with each. To compare two settings, measure them in turns on a machine that does nothing else.',
  options: [
    {
      name: 'prompt',
      value: 'N,N',
      help: 'Lengths of the prompts in tokens.',
      default: '128,512, or what fits',
    },
    { name: 'generate', value: 'N', help: 'Tokens to generate.', default: '64, or what fits' },
    {
      name: 'context',
      value: 'N,N',
      help: 'Tokens in the cache before generating, fewer where the context of the model ends.',
      default: String(SHORT_PROMPT),
    },
    {
      name: 'batch',
      value: 'N,N',
      help: 'Sequences that generate at once; rates are their sum.',
      default: '1',
    },
    {
      name: 'threads',
      value: 'N,N',
      help: 'Threads that compute; 0 computes on the main thread.',
      default: 'one per core that is allowed, at most 8',
    },
    { name: 'runs', value: 'N', help: 'How often each is measured.', default: '3' },
    { name: 'breakdown', help: 'Also where the time goes, by operation, in a pass of its own.' },
    { name: 'format', value: 'NAME', help: `How to write it: ${FORMATS.join(', ')}.`, default: 'table' },
    { name: 'json', help: 'The same as --format json: one object, with the values of every run.' },
    ...MODEL_OPTIONS.filter(({ name }) => !OWN_OPTIONS.includes(name)),
    {
      name: 'batch-tokens',
      value: 'N',
      help: 'Prompt tokens computed at once (--batch of other commands).',
      default: '64',
    },
  ],
  examples: [
    ['bitnet bench', 'measures the bundled model'],
    ['bitnet bench model.gguf --threads 1,2 --prompt 128,512 --generate 64', 'with one and with two threads'],
    [
      'bitnet bench model.gguf --batch 1,8 --context 64,4096 --format md',
      'several users, long conversations',
    ],
    ['bitnet bench model.gguf --breakdown', 'where the time goes'],
    ['bitnet bench model.gguf --backend wasm-simd --json', 'one backend, for a program'],
    [
      'bitnet make-random --shape 2b4t 2b4t.gguf && bitnet bench 2b4t.gguf',
      'the speed of a model that is not at hand, from random weights of its shape',
    ],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source } = splitModel(input, 'bench', []);
  const planned = planOf(input);
  const format = choiceOption(input, 'format', FORMATS) ?? (switchOption(input, 'json') ? 'json' : 'table');
  const { options } = input;
  const loadOptions = loadOptionsOf({
    ...input,
    options: { ...options, threads: undefined, context: undefined, batch: options['batch-tokens'] },
  });
  const { signal, pull } = loadOptions;
  const path = await locateModel(source, { signal, offline: pull?.offline });
  const reports: BenchReport[] = [];
  for (const threads of planned.threads ?? [undefined]) {
    const own = threads === undefined ? loadOptions : { ...loadOptions, threads };
    reports.push(await measure({ path, label: modelLabel(source) }, planned, own, input.signal));
  }
  const report = mergeReports(reports);
  await writeOutput(written(report, format));
  // The other formats have them.
  if (format === 'md' || format === 'csv') {
    for (const note of report.notes) await writeNote(`bitnet: ${printableLine(note)}`);
  }
  return ExitStatus.ok;
}

/** Loads the model, measures it, and lets go of it. */
async function measure(
  { path, label }: { path: string; label: string },
  planned: PlannedBench,
  loadOptions: LoadOptions,
  signal: AbortSignal,
): Promise<BenchReport> {
  const { model, plan } = await loadFor(path, planned, loadOptions);
  try {
    const bar = new ProgressBar('measuring');
    const samples = await measureModel(model, plan, signal, (share) => bar.update(share)).finally(() =>
      bar.finish(),
    );
    const subject = {
      label,
      fileBytes: await fileBytes(path),
      kvCache: loadOptions.kvCache ?? 'f16',
    };
    return createReport(model, subject, plan, samples);
  } finally {
    await model.dispose();
  }
}

function written(report: BenchReport, format: (typeof FORMATS)[number]): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`;
    case 'md':
      return reportMarkdown(report);
    case 'csv':
      return reportCsv(report);
    case 'table':
      return reportText(report, stylesOf(process.stdout));
  }
}

/** Loads the model with the context that the plan needs. */
async function loadFor(
  path: string,
  planned: PlannedBench,
  options: LoadOptions,
): Promise<{ model: Model; plan: PlannedBench['plan'] }> {
  const load = async ({ plan, contextLength }: PlannedBench) => ({
    model: await loadWithProgress(path, { ...options, contextLength }, true),
    plan,
  });
  try {
    return await load(planned);
  } catch (error) {
    if (!(error instanceof BitnetError && error.code === 'option/contextLength')) throw error;
    // Only now, since reading the header first would make reading it again, which is measured, faster.
    const most = await trainedContext(path, options.signal);
    const shorter = shorterPlan(planned, most);
    if (shorter !== undefined) return load(shorter);
    throw new BitnetError(
      'option/contextLength',
      `the measurement needs a context of ${planned.contextLength} tokens, and the model's is ${most}; choose ` +
        'shorter --prompt lengths, a smaller --context or fewer tokens to --generate',
    );
  }
}

async function trainedContext(source: string, signal: AbortSignal | undefined): Promise<number> {
  const bytes = await openSource(source, signal);
  const opened = await openModel(bytes, signal);
  await opened.close();
  return opened.config.contextLength;
}

async function fileBytes(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}
