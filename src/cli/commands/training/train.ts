/** `bitnet train`: from text to a ternary model that every command runs. */
import { join } from 'node:path';
import { checkConfig } from '../../../train/check-config.ts';
import type { Metrics } from '../../../train/loop/metrics.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, Stopped } from '../../errors.ts';
import { switchOption, textOption } from '../../option-values.ts';
import { formatWhole } from '../../quantities.ts';
import { printableLine, stylesOf, write, writeNote, writeOutput } from '../../terminal.ts';
import { formatDuration } from '../../train/duration.ts';
import { createPlainView, createScreenView, type RunFacts, type TrainView } from '../../train/live-view.ts';
import { defaultFolder, RECIPE_OPTIONS, recipeOf } from '../../train/recipe.ts';
import { computeOptionsOf, RUN_OPTIONS, startModeOf } from '../../train/run-options.ts';
import { type TrainRunResult, trainRun } from '../../train/train-run.ts';
import { benchTraining } from '../../train-bench/bench-training.ts';

/** Status of a process that SIGTERM ended. */
const TERMINATED = 143;

/** The command. */
export const command: Command = {
  name: 'train',
  summary: 'Train a 1-bit model on text, from nothing to a file that runs.',
  positionals: '[RECIPE.json]',
  details:
    'A recipe says what is trained on which text; options make one or take the place of its entries, and docs/training.md ' +
    'has them all. The folder of the run gets the tokenizer, the packed text, metrics, checkpoints and, at the end, the ' +
    'model as GGUF and in the layout of Hugging Face. The same command goes on where a run was stopped, to the same bits ' +
    'as if it had not been: Ctrl-C finishes the step and saves. `bitnet train report` draws a run.',
  options: [...RECIPE_OPTIONS, ...RUN_OPTIONS],
  examples: [
    ['bitnet train --data stories.txt', 'a small model on one file, with defaults for everything'],
    ['bitnet train recipe.json', 'a recipe; once more to go on after Ctrl-C'],
    [
      'bitnet train recipe.json --precision f32',
      'its dense twin, everything else equal, into a folder of its own',
    ],
    [
      'bitnet train --data texts/ --vocabulary 8192 --layers 6 --width 384 --steps 5000 --out runs/first',
      'a recipe from options',
    ],
    ['bitnet train --bench', 'how fast this machine trains'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const compute = computeOptionsOf(input);
  if (switchOption(input, 'bench')) return benchTraining(input, compute);
  const recipe = await recipeOf(input);
  const config = checkConfig(recipe.json, recipe.source);
  const out = textOption(input, 'out') ?? defaultFolder(config.name, config.precision);
  const isJson = switchOption(input, 'json');
  const { signal, release } = withTermination(input.signal);
  const { yellow } = stylesOf(process.stderr);
  try {
    const result = await trainRun({
      ...compute,
      config,
      out,
      start: startModeOf(input),
      signal,
      createView: (facts) => viewFor(facts, isJson),
      onNote: (note) => writeNote(yellow(printableLine(`bitnet: ${note}`))),
      onMetrics: (metrics) => (isJson ? writeMetrics(metrics) : Promise.resolve()),
    });
    if (!result.isComplete) {
      await writeNote(
        `bitnet: stopped after step ${result.step} of ${config.steps}; the same command goes on`,
      );
      throw signal.reason;
    }
    await (isJson ? writeEnd(out, result) : writeOutput(endText(config.name, out, result)));
    return ExitStatus.ok;
  } finally {
    release();
  }
}

/** SIGTERM, which systems send that shut down, saves as Ctrl-C does. */
function withTermination(signal: AbortSignal): { signal: AbortSignal; release: () => void } {
  const terminated = new AbortController();
  const terminate = () => terminated.abort(new Stopped(TERMINATED));
  process.once('SIGTERM', terminate);
  return {
    signal: AbortSignal.any([signal, terminated.signal]),
    release: () => process.off('SIGTERM', terminate),
  };
}

/** A block where a person watches, plain lines on stdout where that is read later, nothing beside --json. */
function viewFor(facts: RunFacts, isJson: boolean): TrainView {
  const [stdout, stderr] = [process.stdout, process.stderr];
  const hasBlock = stderr.isTTY === true && process.env.TERM !== 'dumb' && !(isJson && stdout.isTTY === true);
  const hasLines = !isJson && !(hasBlock && stdout.isTTY === true);
  const views = [
    ...(hasBlock ? [createScreenView(facts, stderr, stylesOf(stderr))] : []),
    ...(hasLines ? [createPlainView(facts, (line) => stdout.write(`${line}\n`))] : []),
  ];
  return {
    show: (metrics) => {
      for (const view of views) view.show(metrics);
    },
    finish: () => {
      for (const view of views) view.finish();
    },
  };
}

function writeMetrics(metrics: Metrics): Promise<void> {
  return write(process.stdout, `${JSON.stringify(metrics)}\n`);
}

function writeEnd(out: string, { step, files }: TrainRunResult): Promise<void> {
  const paths = files.map((file) => join(out, file));
  return write(process.stdout, `${JSON.stringify({ kind: 'export', step, files: paths })}\n`);
}

function endText(name: string, out: string, result: TrainRunResult): string {
  const { step, firstStep, lastStep, evaluation, hasChatTemplate, files } = result;
  const facts = [
    `${formatWhole(step)} steps`,
    ...(lastStep === undefined ? [] : [`loss ${lastStep.loss.toFixed(4)}`]),
    ...(evaluation === undefined
      ? []
      : [
          `validation loss ${evaluation.loss.toFixed(4)} (perplexity ${Math.exp(evaluation.loss).toPrecision(4)})`,
        ]),
    ...(lastStep === undefined ? [] : [formatDuration(lastStep.seconds)]),
  ];
  const was = firstStep >= step ? ' (trained already; exported again)' : '';
  const models = files.filter((file) => file.endsWith('.gguf')).map((file) => join(out, file));
  const folder = files.some((file) => file.startsWith('model/')) ? [join(out, 'model')] : [];
  const first = models[0] ?? folder[0];
  return [
    `${name}: ${facts.join(', ')}${was}`,
    ...[...models, ...folder].map((path) => `  ${path}`),
    ...(first === undefined
      ? []
      : ['', hasChatTemplate ? `bitnet chat ${first}` : `bitnet run ${first} "Once upon a time"`]),
    `bitnet train report ${out}`,
    '',
  ].join('\n');
}
