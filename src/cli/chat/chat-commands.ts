/** What can be typed in a chat besides messages: lines that begin with a slash. */
import { BitnetError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { computeLabel, statisticsLine } from '../generation/statistics.ts';
import type { ChatSession } from './chat-session.ts';
import { loadConversation, saveConversation } from './conversation-file.ts';

/** What a command says, and whether the chat goes on. */
export interface CommandOutcome {
  readonly lines: readonly string[];
  readonly leave: boolean;
}

interface ChatCommand {
  readonly name: string;
  /** What follows the name, for the list; a command without takes nothing. */
  readonly argument?: string;
  readonly help: string;
  run(session: ChatSession, argument: string): Promise<readonly string[]> | readonly string[];
}

const COMMANDS: readonly ChatCommand[] = [
  { name: '/help', help: 'Show this list.', run: ({ conversation }) => helpLines(conversation.hasTurns) },
  {
    name: '/reset',
    help: 'Forget the conversation, but for the system message.',
    run: ({ conversation }) => {
      conversation.reset();
      return ['The conversation starts anew.'];
    },
  },
  {
    name: '/system',
    argument: 'TEXT',
    help: 'Set the system message; without TEXT, take it away.',
    run: ({ conversation }, text) => {
      conversation.setSystem(text);
      return [text === '' ? 'There is no system message now.' : 'The system message is set.'];
    },
  },
  {
    name: '/save',
    argument: 'FILE',
    help: 'Write the conversation to a file, as JSON.',
    run: async ({ conversation }, file) => {
      await saveConversation(needFile('/save', file), conversation.messages);
      return [`Saved ${countOf(conversation.messages.length)} to ${file}.`];
    },
  },
  {
    name: '/load',
    argument: 'FILE',
    help: 'Go on with a conversation from a file.',
    run: async ({ conversation }, file) => {
      const messages = await loadConversation(needFile('/load', file));
      conversation.restore(messages);
      return [`Loaded ${countOf(messages.length)} from ${file}.`];
    },
  },
  { name: '/stats', help: 'Show how fast the last answer was, and what runs.', run: statistics },
  { name: '/exit', help: 'Leave; so does Ctrl-D.', run: () => [] },
];

/** Whether a message is a command: one line that begins with a slash and a letter. */
export function isChatCommand(message: string): boolean {
  return /^\/[a-z][^\n]*$/i.test(message);
}

/**
 * Runs a command.
 *
 * @throws BitnetError `chat/unknown-command`, `chat/missing-argument`, or as the command's work
 */
export async function runChatCommand(line: string, session: ChatSession): Promise<CommandOutcome> {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  if (command.argument === undefined && rest.length > 0) {
    throw new BitnetError('chat/extra-argument', `${name} takes nothing after it`);
  }
  const lines = await command.run(session, line.trim().slice(name.length).trim());
  return { lines, leave: command.name === '/exit' };
}

function unknownCommand(name: string): BitnetError {
  const near = nearestName(
    name,
    COMMANDS.map((command) => command.name),
  );
  const hint = near === undefined ? '' : `did you mean ${near}? `;
  return new BitnetError('chat/unknown-command', `there is no command ${name}; ${hint}/help lists all`);
}

function needFile(name: string, file: string): string {
  if (file !== '') return file;
  throw new BitnetError('chat/missing-argument', `${name} needs the name of a file: ${name} FILE`);
}

function countOf(messages: number): string {
  return `${messages} message${messages === 1 ? '' : 's'}`;
}

function statistics({ model, label, last, conversation }: ChatSession): string[] {
  return [
    `${label} on ${computeLabel(model)}, context of ${model.contextLength} tokens`,
    last === undefined ? 'There is no finished answer yet.' : statisticsLine(model, last),
    ...(last !== undefined && conversation.hasTurns
      ? [`The conversation takes ${last.promptTokens + last.generatedTokens} tokens of the context.`]
      : []),
  ];
}

function helpLines(hasTurns: boolean): string[] {
  const spelled = COMMANDS.map(({ name, argument, help }): [string, string] => [
    argument === undefined ? name : `${name} ${argument}`,
    help,
  ]);
  const width = Math.max(...spelled.map(([spelling]) => spelling.length));
  return [
    ...spelled.map(([spelling, help]) => `${spelling.padEnd(width)}  ${help}`),
    '',
    'A line that ends in \\ goes on in the next one; so does everything between """ and """.',
    `Ctrl-C stops ${hasTurns ? 'an answer' : 'the text'}, Ctrl-D leaves.`,
  ];
}
