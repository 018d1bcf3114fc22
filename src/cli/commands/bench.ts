/** `bitnet bench`: how fast a model reads and writes here, how long it loads and how much memory it takes. */
import { stat } from 'node:fs/promises';
import { BitnetError } from '../../base/errors.ts';
import { openSource } from '../../engine/source.ts';
import type { LoadOptions, Model } from '../../index.ts';
import { openModel } from '../../model/open.ts';
import { measureModel } from '../bench/measure.ts';
import { type PlannedBench, planOf, shorterPlan } from '../bench/plan.ts';
import { createReport, reportText } from '../bench/report.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import {
  bundledModelPath,
  loadOptionsOf,
  loadWithProgress,
  MODEL_OPTIONS,
  modelLabel,
  splitModel,
} from '../model-argument.ts';
import { switchOption } from '../option-values.ts';
import { ProgressBar } from '../progress.ts';
import { stylesOf, writeOutput } from '../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'bench',
  summary: 'Measure speed, load time and memory.',
  positionals: '[MODEL]',
  details:
    'Measures how many tokens of a prompt are processed per second (random tokens, from an empty session to the logits ' +
    'of the last one), how many are generated (always the likeliest, behind a prompt of 8, without stopping at stop ' +
    'tokens; sampling included), the time to the first token after the shortest prompt, the time to load, and the most ' +
    'physical memory that the process took. After a run that does not count, medians of several. To compare two ' +
    'settings, measure them in turns on a machine that does nothing else.',
  options: [
    {
      name: 'prompt',
      value: 'N,N',
      help: 'Lengths of the prompts in tokens.',
      default: '128,512, or what fits',
    },
    { name: 'generate', value: 'N', help: 'Tokens to generate.', default: '64, or what fits' },
    { name: 'runs', value: 'N', help: 'How often each is measured.', default: '3' },
    { name: 'json', help: 'Write one JSON object, with the values of every run.' },
    ...MODEL_OPTIONS.map((option) =>
      option.name === 'context'
        ? { ...option, default: 'the longest prompt and the generated tokens' }
        : option,
    ),
  ],
  examples: [
    ['bitnet bench', 'measures the bundled model'],
    ['bitnet bench model.gguf --threads 2 --prompt 128,512 --generate 64', 'with two threads'],
    ['bitnet bench model.gguf --backend wasm-simd --json', 'one backend, for a program'],
    [
      'bitnet make-random --shape 2b4t 2b4t.gguf && bitnet bench 2b4t.gguf --context 2048',
      'the speed of a model that is not at hand, from random weights of its shape',
    ],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source } = splitModel(input, 'bench', []);
  const planned = planOf(input);
  const loadOptions = loadOptionsOf(input);
  const { model, plan } = await loadFor(source, planned, loadOptions);
  try {
    const bar = new ProgressBar('measuring');
    const samples = await measureModel(model, plan, input.signal, (share) => bar.update(share)).finally(() =>
      bar.finish(),
    );
    const subject = {
      label: modelLabel(source),
      fileBytes: await fileBytes(source ?? bundledModelPath()),
      kvCache: loadOptions.kvCache ?? 'f16',
    } as const;
    const report = createReport(model, subject, plan, samples);
    await writeOutput(
      switchOption(input, 'json')
        ? `${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`
        : reportText(report, model, stylesOf(process.stdout)),
    );
  } finally {
    await model.dispose();
  }
  return ExitStatus.ok;
}

/** Loads the model with the context that the plan needs. */
async function loadFor(
  source: string | undefined,
  planned: PlannedBench,
  options: LoadOptions,
): Promise<{ model: Model; plan: PlannedBench['plan'] }> {
  const load = async ({ plan, contextLength }: PlannedBench) => ({
    model: await loadWithProgress(source, { ...options, contextLength }),
    plan,
  });
  try {
    return await load(planned);
  } catch (error) {
    if (!(error instanceof BitnetError && error.code === 'option/contextLength')) throw error;
    // Only now, since reading the header first would make reading it again, which is measured, faster.
    const most = await trainedContext(source ?? bundledModelPath(), options.signal);
    if (planned.isDefault) return load(shorterPlan(planned, most));
    throw new BitnetError(
      'option/contextLength',
      `the measurement needs a context of ${planned.contextLength} tokens, and the model's is ${most}; choose a ` +
        'smaller --context, shorter --prompt lengths or fewer tokens to --generate',
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
