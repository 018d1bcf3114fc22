/**
 * Documents as token ids. A text stands between the tokens that begin and end a text; a conversation is what the chat
 * template makes of it, with the end that the template gives it. The names of control tokens in a text are ordinary
 * characters. Documents that are longer than a row are cut.
 */
import { BitnetError } from '../../base/errors.ts';
import { encodeChat } from '../../tokenizer/chat/encode-chat.ts';
import type { ConversationDocument, TextDocument, TrainingDocument } from './corpus/document.ts';
import type { RunTokenizer } from './run-tokenizer.ts';

/**
 * The ids of a document in pieces of `rowLength` tokens and one of what is left; all together they are the document.
 *
 * @throws BitnetError `train/empty-text`, `train/no-chat-template`, and with the place in front what the template and the
 *   tokenizer refuse
 */
export async function* encodeDocument(
  document: TrainingDocument,
  tokenizer: RunTokenizer,
  rowLength: number,
): AsyncGenerator<readonly number[]> {
  if (document.kind === 'conversation') {
    yield* cut(encodeConversation(document, tokenizer), rowLength);
    return;
  }
  let ids: number[] = tokenizer.beginId === undefined ? [] : [tokenizer.beginId];
  let isEmpty = true;
  for await (const part of document.parts) {
    if (part === '') continue;
    isEmpty = false;
    const more = at(document, () => tokenizer.tokenizer.encode(part, { addBos: false, addEos: false }));
    ids = ids.concat(more);
    const whole = ids.length - (ids.length % rowLength);
    yield* cut(ids.slice(0, whole), rowLength);
    ids = ids.slice(whole);
  }
  if (isEmpty) {
    throw new BitnetError(
      'train/empty-text',
      `${document.where} has no text; put text into it or leave it out`,
    );
  }
  ids.push(tokenizer.endId);
  yield* cut(ids, rowLength);
}

function encodeConversation(document: ConversationDocument, tokenizer: RunTokenizer): number[] {
  const { chatTemplate } = tokenizer;
  if (chatTemplate === undefined) {
    throw new BitnetError(
      'train/no-chat-template',
      `${document.where} is a conversation, but the tokenizer has no chat template; name one in the recipe ` +
        '(tokenizer.chatTemplate)',
    );
  }
  const options = { addGenerationPrompt: false };
  const ids = at(document, () => encodeChat(tokenizer.tokenizer, chatTemplate, document.messages, options));
  if (ids.length === 0) {
    throw new BitnetError(
      'train/empty-text',
      `${document.where}: the chat template makes nothing of this conversation`,
    );
  }
  return ids;
}

/** Puts the place in front of what goes wrong there. */
function at<T>(document: TextDocument | ConversationDocument, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (!(cause instanceof BitnetError)) throw cause;
    throw new BitnetError(cause.code, `${document.where}: ${cause.message}`, {
      cause,
      details: cause.details,
    });
  }
}

function* cut(ids: readonly number[], length: number): Generator<readonly number[]> {
  if (ids.length > 0 && ids.length <= length) {
    yield ids;
    return;
  }
  for (let from = 0; from < ids.length; from += length) yield ids.slice(from, from + length);
}
