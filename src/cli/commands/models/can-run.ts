/** `bitnet can-run`: whether this machine runs a model, and how fast, before anything is downloaded. */
import { loadavg } from 'node:os';
import { KV_CACHE_TYPES } from '../../../engine/options.ts';
import { withEntry } from '../../../fit/calibration.ts';
import { canRun, canRunAll } from '../../../fit/can-run.ts';
import type { FitModel, FitQuestion } from '../../../fit/fit.ts';
import { type MeasuredMachine, measureMachine } from '../../../fit/measure-machine.ts';
import type { BackendName } from '../../../kernels/backend-name.ts';
import { defaultThreads } from '../../../kernels/team/default-threads.ts';
import { answerText, tableText } from '../../can-run/answer-text.ts';
import { askedModel, catalogueModels } from '../../can-run/asked-models.ts';
import { calibrationPath, readCalibration, writeCalibration } from '../../can-run/calibration-file.ts';
import { VALIDATED_SHAPES, validate } from '../../can-run/validate.ts';
import { validationText } from '../../can-run/validation-text.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { loadOptionsOf, MODEL_OPTIONS } from '../../model-argument.ts';
import { choiceOption, switchOption, wholeOption } from '../../option-values.ts';
import { ProgressBar } from '../../progress.ts';
import { stylesOf, writeNote, writeOutput } from '../../terminal.ts';

const DEFAULT_PROMPT = 256;
/** Threads of others that run for each processor, on an average of a minute, above which a measurement is spoilt. */
const BUSY_LOAD = 0.5;

/** The command. */
export const command: Command = {
  name: 'can-run',
  summary: 'Tell whether a model runs here, how fast, and what would help; before downloading it.',
  positionals: '[MODEL]',
  details:
    'Looks at the processor, the memory and the limits of the container, measures the kernels that would run for about ' +
    'two seconds, and answers from the dims of the model: memory with the context full, tokens per second of the prompt ' +
    'and generated, with an interval that nine of ten answers keep. MODEL is a name of `bitnet models`, a file or a URL, of ' +
    'which only the header is read; without one the answer is a table of all published models. --validate runs random models of three shapes ' +
    'for a minute or two, prints how far the answers are off, and keeps that for later answers. Exits with 1 when MODEL does not run.',
  options: [
    { name: 'all', help: 'All models of the catalogue; the same as no MODEL.' },
    {
      name: 'context',
      value: 'N',
      help: 'Tokens of context to answer for.',
      default: "the model's own context, at most 4096",
    },
    { name: 'kv-cache', value: 'TYPE', help: `KV cache: ${KV_CACHE_TYPES.join(', ')}.`, default: 'f16' },
    { name: 'prompt', value: 'N', help: 'Tokens of a typical prompt.', default: String(DEFAULT_PROMPT) },
    ...MODEL_OPTIONS.filter(({ name }) => name === 'threads' || name === 'backend'),
    {
      name: 'validate',
      help: 'Compare predictions with measurements of random models, and keep the result.',
    },
    { name: 'json', help: 'Write one JSON object.' },
  ],
  examples: [
    ['bitnet can-run 2b4t', 'one model'],
    ['bitnet can-run', 'all published models'],
    ['bitnet can-run 2b4t --context 4096 --kv-cache q8', 'another context'],
    ['bitnet can-run https://example.org/model.gguf', 'reads the header over the network'],
    ['bitnet can-run --validate', 'how good the answers are on this machine'],
  ],
  run,
};

interface Asked {
  readonly question: Partial<FitQuestion>;
  readonly backend: BackendName | undefined;
  /** As the user wrote it. */
  readonly model: string | undefined;
}

async function run(input: CommandInput): Promise<number> {
  const asked = askedOf(input);
  // Before the measurement, so that a wrong name is told at once.
  const model = asked.model === undefined ? undefined : await askedModel(asked.model, input.signal);
  if (switchOption(input, 'validate')) return runValidation(input, asked);
  const measured = await measure(input, asked, [asked.question.threads ?? Math.max(1, defaultThreads())]);
  return model === undefined ? answerAll(input, asked, measured) : answerOne(input, asked, measured, model);
}

function askedOf(input: CommandInput): Asked {
  const [model, surplus] = input.positionals;
  if (surplus !== undefined) {
    throw new UsageError(`"${surplus}" is one word too many: bitnet can-run [MODEL]`);
  }
  if (model !== undefined && (switchOption(input, 'all') || switchOption(input, 'validate'))) {
    throw new UsageError('a MODEL and --all or --validate exclude each other: bitnet can-run [MODEL]');
  }
  const { backend, threads, contextLength, kvCache } = loadOptionsOf(input);
  const promptTokens = wholeOption(input, 'prompt', 1, 2 ** 20) ?? DEFAULT_PROMPT;
  choiceOption(input, 'kv-cache', KV_CACHE_TYPES);
  return {
    model,
    backend,
    question: {
      promptTokens,
      ...(threads === undefined ? {} : { threads: Math.max(1, threads) }),
      ...(contextLength === undefined ? {} : { contextLength }),
      ...(kvCache === undefined ? {} : { kvCache }),
    },
  };
}

async function measure(
  { signal }: CommandInput,
  { backend }: Asked,
  threads: readonly number[],
): Promise<MeasuredMachine> {
  const bar = new ProgressBar('measuring');
  const load = (loadavg()[0] ?? 0) / Math.max(1, defaultThreads());
  try {
    return await measureMachine({ backend, threads, signal, onProgress: (share) => bar.update(share) });
  } finally {
    bar.finish();
    if (load > BUSY_LOAD) {
      await writeNote(
        'bitnet: this machine is busy with other programs; without them it is faster than told here',
      );
    }
  }
}

async function answerOne(
  input: CommandInput,
  { question }: Asked,
  measured: MeasuredMachine,
  model: FitModel,
): Promise<number> {
  const calibration = await localCalibration();
  const others = await catalogueModels();
  const answer = canRun(model, { ...measured, calibration, others }, question);
  const { machine } = measured;
  await writeOutput(
    switchOption(input, 'json')
      ? json({ machine, answers: [answer] })
      : answerText(answer, machine, stylesOf(process.stdout)),
  );
  return answer.verdict === 'no' ? ExitStatus.failure : ExitStatus.ok;
}

async function answerAll(
  input: CommandInput,
  { question }: Asked,
  measured: MeasuredMachine,
): Promise<number> {
  const calibration = await localCalibration();
  const answers = canRunAll(await catalogueModels(), { ...measured, calibration }, question);
  const { machine } = measured;
  await writeOutput(
    switchOption(input, 'json')
      ? json({ machine, answers })
      : tableText(answers, machine, stylesOf(process.stdout)),
  );
  return ExitStatus.ok;
}

async function runValidation(input: CommandInput, asked: Asked): Promise<number> {
  const { question, backend } = asked;
  const numbers = question.threads === undefined ? [1, Math.max(1, defaultThreads())] : [question.threads];
  const { machine } = await measure(input, asked, []);
  const { programBytes, programFileBytes } = machine;
  const { rows, entries } = await validate({
    program: { programBytes, programFileBytes },
    threads: [...new Set(numbers)],
    backend,
    shapes: VALIDATED_SHAPES,
    promptTokens: question.promptTokens ?? DEFAULT_PROMPT,
    signal: input.signal,
    onPhase: (phase) => {
      if (process.stderr.isTTY) void writeNote(phase);
    },
  });
  await writeOutput(
    switchOption(input, 'json') ? json({ machine, rows }) : validationText(rows, stylesOf(process.stdout)),
  );
  const path = calibrationPath();
  await writeCalibration(path, entries.reduce(withEntry, await localCalibration()));
  await writeNote(`kept for later answers in ${path}`);
  return ExitStatus.ok;
}

async function localCalibration(): ReturnType<typeof readCalibration> {
  const notes: string[] = [];
  const calibration = await readCalibration(calibrationPath(), (note) => notes.push(note));
  for (const note of notes) await writeNote(`bitnet: ${note}`);
  return calibration;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined)}\n`;
}
