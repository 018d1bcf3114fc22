/** `bitnet start`, which `npm start` runs: shows at once that everything works, with the bundled model. */

import type { GenerateOptions, Generation, Model } from '../../index.ts';
import { CHAT_MAX_TOKENS, isInteractive, openChat } from '../chat/open-chat.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import { generationSettingsOf, samplingOptions } from '../generation/sampling-options.ts';
import { computeLabel, timingsOf } from '../generation/statistics.ts';
import { streamText } from '../generation/stream-text.ts';
import { loadOptionsOf, loadWithProgress, MODEL_OPTIONS, splitModel } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { formatRate } from '../quantities.ts';
import { type Styles, writeOutput } from '../terminal.ts';

/** For a base model. */
const PROMPT = 'Once upon a time';
/** For one that converses: the bundled model tells tales and answers questions about them. */
const MESSAGES = ['Tell me a story about Lily and a red kite.', 'Where is Lily?'] as const;
const DEMONSTRATION_TOKENS = 200;
const WARM_UP_TOKENS = 12;

/** The command. */
export const command: Command = {
  name: 'start',
  summary: 'Show that it works: a chat in a terminal, a short demonstration elsewhere.',
  isHidden: true,
  positionals: '[MODEL]',
  options: [
    { name: 'system', value: 'TEXT', help: 'System message to begin with.' },
    ...samplingOptions(CHAT_MAX_TOKENS),
    ...MODEL_OPTIONS,
  ],
  examples: [['npm start', 'in a clone of the repository']],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model } = splitModel(input, 'start', []);
  if (isInteractive()) await openChat(model, input, welcome);
  else await demonstrate(model, input);
  return ExitStatus.ok;
}

async function welcome(model: Model, styles: Styles): Promise<readonly string[]> {
  const trial = model.generate(PROMPT, { maxTokens: WARM_UP_TOKENS, temperature: 0, overflow: 'stop' });
  await trial.text();
  const rate =
    trial.result === undefined ? undefined : timingsOf(model, trial.result).generatedTokensPerSecond;
  return [
    `${styles.bold('bitnet.ts')} runs 1-bit language models on ordinary CPUs; here at about ${formatRate(rate)}.`,
    styles.dim(
      model.chatTemplate === undefined
        ? 'Type the beginning of a story, such as: The little girl looked at'
        : `Ask for a story, then about it, such as: ${MESSAGES.join(' ')}`,
    ),
    styles.dim('To chat in a browser instead: npx bitnet serve'),
    '',
  ];
}

async function demonstrate(source: string | undefined, input: CommandInput): Promise<void> {
  const settings = generationSettingsOf(input, DEMONSTRATION_TOKENS);
  const model = await loadWithProgress(source, loadOptionsOf(input));
  try {
    const tell = model.chatTemplate === undefined ? continueText : converse;
    const { result } = await tell(model, settings);
    if (result === undefined) return;
    const rate = formatRate(timingsOf(model, result).generatedTokensPerSecond);
    await writeOutput(
      `\n\n${modelLabel(source)} on ${computeLabel(model)}: ${result.generatedTokens} tokens, ${rate}\n`,
    );
  } finally {
    await model.dispose();
  }
}

async function continueText(model: Model, settings: GenerateOptions): Promise<Generation> {
  const generation = model.generate(PROMPT, settings);
  await writeOutput(PROMPT);
  await streamText(generation);
  return generation;
}

/** Answers the first generation, which is the longer one. */
async function converse(model: Model, settings: GenerateOptions): Promise<Generation> {
  const chat = model.chat();
  const [request, question] = MESSAGES;
  const tale = chat.send(request, settings);
  await writeOutput(`> ${request}\n`);
  await streamText(tale);
  await writeOutput(`\n\n> ${question}\n`);
  await streamText(chat.send(question, settings));
  return tale;
}
