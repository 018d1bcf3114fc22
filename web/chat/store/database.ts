/**
 * Where conversations lie in the browser: IndexedDB, in three stores, so that a list reads only titles and a conversation is
 * read without its tokens. Where a browser gives none (some private windows), they are held in memory and {@link isKept}
 * says so.
 */
import { type Signal, signal } from '@preact/signals';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Conversation, Summary } from './conversation.ts';
import type { PackedToken } from './packed-tokens.ts';

interface Schema extends DBSchema {
  summaries: { key: string; value: Summary };
  conversations: { key: string; value: Conversation };
  /** By the id of the variant. */
  tokens: { key: string; value: readonly PackedToken[] };
}

/** Whether conversations outlive the page. */
export const isKept: Signal<boolean> = signal(true);

const memory = {
  conversations: new Map<string, Conversation>(),
  tokens: new Map<string, readonly PackedToken[]>(),
};

let opening: Promise<IDBPDatabase<Schema> | undefined> | undefined;

function opened(): Promise<IDBPDatabase<Schema> | undefined> {
  opening ??= openedNow().catch((): undefined => {
    isKept.value = false;
  });
  return opening;
}

/** Rejects, too, where the browser has no IndexedDB, or throws when it is asked for one. */
async function openedNow(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>('bitnet-conversations', 1, {
    upgrade(database) {
      database.createObjectStore('summaries', { keyPath: 'id' });
      database.createObjectStore('conversations', { keyPath: 'id' });
      database.createObjectStore('tokens');
    },
  });
}

function summaryOf({ id, title, updatedAt }: Conversation): Summary {
  return { id, title, updatedAt };
}

/** All of them, the latest first. */
export async function listSummaries(): Promise<Summary[]> {
  const database = await opened();
  const found = database
    ? await database.getAll('summaries')
    : [...memory.conversations.values()].map(summaryOf);
  return found.sort((a, b) => b.updatedAt - a.updatedAt);
}

/** One; undefined when there is none of that id. */
export async function readConversation(id: string): Promise<Conversation | undefined> {
  const database = await opened();
  return database ? database.get('conversations', id) : memory.conversations.get(id);
}

/** All of them, whole. */
export async function readConversations(): Promise<Conversation[]> {
  const database = await opened();
  return database ? database.getAll('conversations') : [...memory.conversations.values()];
}

/** Puts it, or replaces the one with its id. */
export async function writeConversation(conversation: Conversation): Promise<void> {
  const database = await opened();
  if (database === undefined) {
    memory.conversations.set(conversation.id, conversation);
    return;
  }
  const transaction = database.transaction(['summaries', 'conversations'], 'readwrite');
  const writing = [
    transaction.objectStore('summaries').put(summaryOf(conversation)),
    transaction.objectStore('conversations').put(conversation),
  ];
  // A page that is being closed sees no more of it, and a transaction that is left open would be dropped.
  transaction.commit();
  await Promise.all([...writing, transaction.done]).catch(explained);
}

/** @throws Error one sentence in place of what browsers say when they have no room */
function explained(error: unknown): never {
  const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
  throw isFull
    ? new Error(
        'This browser has no room left: what is said now is gone when the page is closed. Remove conversations or models.',
      )
    : error;
}

/** Removes one; its tokens stay until {@link sweepTokens}, so that a deletion can be taken back. */
export async function removeConversation(id: string): Promise<void> {
  const database = await opened();
  if (database === undefined) {
    memory.conversations.delete(id);
    return;
  }
  const transaction = database.transaction(['summaries', 'conversations'], 'readwrite');
  await Promise.all([
    transaction.objectStore('summaries').delete(id),
    transaction.objectStore('conversations').delete(id),
    transaction.done,
  ]);
}

/** The tokens of a variant; undefined where none are kept. */
export async function readTokens(variantId: string): Promise<readonly PackedToken[] | undefined> {
  const database = await opened();
  return database ? database.get('tokens', variantId) : memory.tokens.get(variantId);
}

/** Keeps a variant's tokens. */
export async function writeTokens(variantId: string, tokens: readonly PackedToken[]): Promise<void> {
  const database = await opened();
  if (database === undefined) memory.tokens.set(variantId, tokens);
  else await database.put('tokens', tokens, variantId).catch(explained);
}

/** Forgets the tokens of variants that no conversation has (any more). */
export async function sweepTokens(): Promise<void> {
  const known = new Set(
    (await readConversations()).flatMap(({ turns }) =>
      turns.flatMap((turn) => (turn.role === 'assistant' ? turn.variants.map(({ id }) => id) : [])),
    ),
  );
  const database = await opened();
  const keys = database ? await database.getAllKeys('tokens') : [...memory.tokens.keys()];
  for (const key of keys.filter((key) => !known.has(key))) {
    if (database) await database.delete('tokens', key);
    else memory.tokens.delete(key);
  }
}
