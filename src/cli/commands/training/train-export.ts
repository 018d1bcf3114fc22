/** `bitnet train export`: the model of a checkpoint as files. */
import { join } from 'node:path';
import { EXPORT_FORMATS, type ExportFormat } from '../../../train/export/export-model.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { choiceOption, parseChoice, textOption, wholeOption } from '../../option-values.ts';
import { writeOutput } from '../../terminal.ts';
import { exportCheckpoint } from '../../train/export-checkpoint.ts';
import { COMPUTE_OPTIONS, computeOptionsOf } from '../../train/run-options.ts';

/** The command. */
export const command: Command = {
  name: 'train export',
  summary: 'Write the model of a checkpoint as GGUF and in the layout of Hugging Face.',
  positionals: 'RUN',
  details:
    'RUN is the folder of a run, under way or ended; the files go into it. A dense run exported as i2_s or tq2_0 is ' +
    'quantised after its training, which costs far more than training with ternary weights does.',
  options: [
    { name: 'checkpoint', value: 'STEP', help: 'Which checkpoint.', default: 'the newest' },
    {
      name: 'format',
      value: 'NAME,NAME',
      help: `What to write: ${EXPORT_FORMATS.join(', ')}.`,
      default: 'all that hold the model exactly',
    },
    {
      name: 'embedding',
      value: 'TYPE',
      help: 'How GGUF files hold embedding and head: f16 or f32.',
      default: 'f16',
    },
    { name: 'name', value: 'NAME', help: 'Name of the files.', default: "the recipe's" },
    ...COMPUTE_OPTIONS,
  ],
  examples: [
    ['bitnet train export runs/stories', 'the newest checkpoint of a run that is under way'],
    ['bitnet train export runs/stories --checkpoint 2000 --name stories-2000', 'an older one'],
    ['bitnet train export runs/stories-f32 --format i2_s', 'quantised after training, to compare with'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [path, surplus] = input.positionals;
  if (path === undefined) throw new UsageError('RUN is missing: bitnet train export RUN');
  if (surplus !== undefined)
    throw new UsageError(`"${surplus}" is one word too many: one run is exported at a time`);
  const embedding = choiceOption(input, 'embedding', ['f16', 'f32']) ?? 'f16';
  const { step, files } = await exportCheckpoint(path, {
    ...computeOptionsOf(input),
    step: wholeOption(input, 'checkpoint', 0),
    formats: formatsOf(input),
    embedding: embedding === 'f32' ? 'F32' : 'F16',
    name: textOption(input, 'name'),
    signal: input.signal,
  });
  const paths = files.map((file) => `  ${join(path, file)}`);
  await writeOutput(`${[`step ${step}`, ...paths].join('\n')}\n`);
  return ExitStatus.ok;
}

function formatsOf(input: CommandInput): ExportFormat[] | undefined {
  const text = textOption(input, 'format');
  return text?.split(',').map((name) => parseChoice(name.trim(), '--format', EXPORT_FORMATS));
}
