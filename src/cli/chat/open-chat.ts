/** From a command line to a chat: loads the model and talks in the way that standard input asks for. */
import type { Model } from '../../index.ts';
import type { CommandInput } from '../command.ts';
import { generationSettingsOf } from '../generation/sampling-options.ts';
import { loadOptionsOf, loadWithProgress } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { textOption } from '../option-values.ts';
import { printable, type Styles, stylesOf } from '../terminal.ts';
import { ChatSession } from './chat-session.ts';
import { startConversation } from './conversation.ts';
import { chatBanner, chatInTerminal } from './interactive-chat.ts';
import { chatFromScript } from './scripted-chat.ts';

/** A base model never ends by itself. */
const COMPLETION_MAX_TOKENS = 100;

/** How the help states the default of --max-tokens in a chat. */
export const CHAT_MAX_TOKENS: string = `none; ${COMPLETION_MAX_TOKENS} for a base model, which never ends by itself`;

/** True when a person sits at both ends. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/**
 * Loads a model and chats until the user leaves or the input ends.
 *
 * @param source undefined for the bundled model
 * @param welcome lines to put before the banner of an interactive chat
 * @throws UsageError, BitnetError; the signal's reason when aborted
 */
export async function openChat(
  source: string | undefined,
  input: CommandInput,
  welcome: (model: Model, styles: Styles) => Promise<readonly string[]> = async () => [],
): Promise<void> {
  const unlimited = generationSettingsOf(input, undefined);
  const model = await loadWithProgress(source, loadOptionsOf(input), isInteractive());
  try {
    const conversation = startConversation(model, textOption(input, 'system'));
    const settings = conversation.hasTurns ? unlimited : { maxTokens: COMPLETION_MAX_TOKENS, ...unlimited };
    const session = new ChatSession({ model, label: modelLabel(source), conversation, settings });
    if (!isInteractive()) {
      await chatFromScript(session, input.signal);
      return;
    }
    const styles = stylesOf(process.stdout);
    const notes = model.notes.map((note) => styles.dim(`note: ${printable(note)}`));
    const banner = [...(await welcome(model, styles)), ...notes, ...chatBanner(session, styles)];
    await chatInTerminal(session, banner, input.signal);
  } finally {
    await model.dispose();
  }
}
