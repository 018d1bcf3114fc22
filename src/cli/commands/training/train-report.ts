/** `bitnet train report`: what a training run was like, as one HTML page. */
import { resolve } from 'node:path';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { textOption } from '../../option-values.ts';
import { writeOutputFile } from '../../output-file.ts';
import { printableLine, stylesOf, writeNote, writeOutput } from '../../terminal.ts';
import { reportPage } from '../../train-report/page.ts';
import { readRun } from '../../train-report/run-metrics.ts';

const MOST_RUNS = 8;

/** The command. */
export const command: Command = {
  name: 'train report',
  summary: 'Draw a training run, or compare several, as one HTML page.',
  positionals: 'RUN [RUN...]',
  details:
    'RUN is the folder of a run, under way or ended. The page needs nothing but itself: loss, validation, learning rate, ' +
    'speed, zeros and flips of ternary weights, and how the weights of each matrix are distributed. With several runs, ' +
    'such as a model and its dense twin, each is compared with the first.',
  options: [
    { name: 'out', value: 'FILE', help: 'Where the page goes.', default: 'report.html in the first RUN' },
  ],
  examples: [
    ['bitnet train report runs/stories', 'writes runs/stories/report.html'],
    [
      'bitnet train report runs/stories-f32 runs/stories --out twins.html',
      'what one bit costs against the dense twin',
    ],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { positionals } = input;
  if (positionals.length === 0) throw new UsageError('RUN is missing: bitnet train report RUN [RUN...]');
  if (positionals.length > MOST_RUNS) {
    throw new UsageError(`${positionals.length} runs are more than the ${MOST_RUNS} that one page compares`);
  }
  const runs = await Promise.all(positionals.map(readRun));
  const path = textOption(input, 'out') ?? `${positionals[0]!.replace(/[\\/]+$/, '')}/report.html`;
  const page = new TextEncoder().encode(reportPage(runs));
  await writeOutputFile(path, true, (sink) => sink(page));
  const { yellow } = stylesOf(process.stderr);
  for (const note of runs.flatMap(({ notes }) => notes)) {
    await writeNote(yellow(printableLine(`bitnet: ${note}`)));
  }
  await writeOutput(`${resolve(path)}\n`);
  return ExitStatus.ok;
}
