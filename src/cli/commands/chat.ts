/** `bitnet chat`: a conversation in the terminal or from a script. */
import { CHAT_MAX_TOKENS, openChat } from '../chat/open-chat.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import { samplingOptions } from '../generation/sampling-options.ts';
import { MODEL_OPTIONS, splitModel } from '../model-argument.ts';

/** The command. */
export const command: Command = {
  name: 'chat',
  summary: 'Talk with a model; a base model continues what you type.',
  positionals: '[MODEL]',
  details:
    'In the chat, /help lists what else can be typed; Ctrl-C stops an answer, Ctrl-D leaves. When stdin is no terminal, ' +
    'every line of it is a message, answers go to stdout, and the first error ends the program.',
  options: [
    { name: 'system', value: 'TEXT', help: 'System message to begin with.' },
    ...samplingOptions(CHAT_MAX_TOKENS),
    ...MODEL_OPTIONS,
  ],
  examples: [
    ['bitnet chat model.gguf', 'a conversation'],
    ['bitnet chat model.gguf --system "Answer in one sentence."', 'with a system message'],
    ['printf "%s\\n" "What is 2+2?" "/save sum.json" | bitnet chat model.gguf', 'from a script'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model } = splitModel(input, 'chat', []);
  await openChat(model, input);
  return ExitStatus.ok;
}
