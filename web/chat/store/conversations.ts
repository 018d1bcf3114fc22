/**
 * All conversations, and the one that is open: signals on top of the database. Changes happen one after the other, whichever
 * conversation they concern, and other windows of the page are told of them.
 */
import { effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { route } from '../app/route.ts';
import { type Conversation, type Summary, settled } from './conversation.ts';
import {
  listSummaries,
  readConversation,
  readConversations,
  removeConversation,
  sweepTokens,
  writeConversation,
} from './database.ts';
import { notify, notifyFault } from './notices.ts';

/** Titles of all, the latest first; undefined until they are read. */
export const summaries: Signal<readonly Summary[] | undefined> = signal(undefined);

const open: Signal<Conversation | undefined> = signal(undefined);
const absent: Signal<string | undefined> = signal(undefined);
const lastOpen: Signal<string | undefined> = signal(undefined);

/** The one that is open; undefined for a new one, which is stored with its first message. */
export const current: ReadonlySignal<Conversation | undefined> = open;

/** The id in the address, when no conversation has it. */
export const absentId: ReadonlySignal<string | undefined> = absent;

/** Where the tab "Chat" leads: back to what was open there. */
export const chatAddress: ReadonlySignal<string | undefined> = lastOpen;

/** The variant that is being made here, so that reading its conversation does not take it for interrupted. */
export const runningVariant: { id: string | undefined } = { id: undefined };

/** What windows of the page tell each other: that something changed, and what was deleted. */
interface Told {
  readonly removed: string | undefined;
}

const channel = new BroadcastChannel('bitnet-conversations');
channel.onmessage = ({ data }: MessageEvent<Told>) => {
  listSummaries().then(setSummaries, notifyFault);
  inTurn(() => readOpenAgain(data.removed)).catch(notifyFault);
};

listSummaries().then(setSummaries, notifyFault);
setTimeout(() => sweepTokens().catch(notifyFault), 5000);

let queue: Promise<unknown> = Promise.resolve();

/** Does something when all that was asked before is done. */
function inTurn<T>(action: () => Promise<T>): Promise<T> {
  const result = queue.then(action);
  queue = result.catch(notifyFault);
  return result;
}

effect(() => {
  const { tab, id } = route.value;
  if (tab !== 'chat') return;
  lastOpen.value = id;
  if (id === open.peek()?.id) return;
  open.value = undefined;
  absent.value = undefined;
  if (id === undefined) return;
  inTurn(async () => {
    const found = await readConversation(id);
    if (route.peek().id !== id || open.peek()?.id === id) return;
    if (found === undefined) absent.value = id;
    else open.value = settled(found, runningVariant.id);
  }).catch(notifyFault);
});

/** Stores a new conversation and opens it. */
export function begin(conversation: Conversation): void {
  open.value = conversation;
  location.hash = `#/chat/${conversation.id}`;
  inTurn(() => store(conversation)).catch(notifyFault);
}

/** Changes one, open or not; nothing happens when it is gone. */
export function change(id: string, how: (conversation: Conversation) => Conversation): Promise<void> {
  return inTurn(async () => {
    const before = await read(id);
    if (before === undefined) return;
    const after = how(before);
    if (open.peek()?.id === id) open.value = after;
    await store(after);
  });
}

/** Stores a change without showing it: for what a running reply came to so far. */
export function keep(id: string, how: (conversation: Conversation) => Conversation): Promise<void> {
  return inTurn(async () => {
    const before = await read(id);
    if (before !== undefined) await writeConversation(how(before));
  });
}

/** Gives one a title of the user's. */
export function rename(id: string, title: string): void {
  const trimmed = title.trim().slice(0, 200);
  if (trimmed !== '') change(id, (found) => ({ ...found, title: trimmed, isNamed: true })).catch(notifyFault);
}

/** Deletes one, and offers to take that back. */
export function remove(id: string): void {
  inTurn(async () => {
    const conversation = await read(id);
    if (conversation === undefined) return;
    await removeConversation(id);
    setSummaries((summaries.peek() ?? []).filter((summary) => summary.id !== id));
    tellOthers(id);
    const wasOpen = open.peek()?.id === id;
    if (wasOpen) {
      // At once, so that the end of a reply that is under way does not bring it back.
      open.value = undefined;
      location.hash = '#/chat';
    }
    notify(`“${conversation.title}” was deleted.`, {
      title: 'Undo',
      run: () => {
        inTurn(() => store(conversation)).catch(notifyFault);
        if (wasOpen) location.hash = `#/chat/${encodeURIComponent(id)}`;
      },
    });
  }).catch(notifyFault);
}

/** Stores conversations from elsewhere. */
export function addAll(conversations: readonly Conversation[]): Promise<void> {
  return inTurn(async () => {
    for (const conversation of conversations) {
      await writeConversation(conversation);
      if (open.peek()?.id === conversation.id) open.value = conversation;
    }
    setSummaries(await listSummaries());
    tellOthers();
  });
}

/** Ids of the conversations in whose title or turns all the words stand. */
export async function search(words: string): Promise<Set<string>> {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = (await readConversations()).filter(({ title, turns }) => {
    const texts = turns.flatMap((turn) =>
      turn.role === 'user' ? [turn.text] : turn.variants.map(({ text }) => text),
    );
    const whole = [title, ...texts].join('\n').toLocaleLowerCase();
    return wanted.every((word) => whole.includes(word));
  });
  return new Set(found.map(({ id }) => id));
}

/** Another window may have changed it; what is made here right now is newer. */
async function readOpenAgain(removed: string | undefined): Promise<void> {
  const before = open.peek();
  if (runningVariant.id !== undefined) return;
  if (before === undefined) return readAbsentAgain();
  if (removed === before.id) {
    open.value = undefined;
    absent.value = removed;
    return;
  }
  const found = await readConversation(before.id);
  if (found && found.updatedAt > before.updatedAt && open.peek()?.id === found.id) {
    open.value = settled(found, undefined);
  }
}

/** Its deletion may have been taken back. */
async function readAbsentAgain(): Promise<void> {
  const id = absent.peek();
  const found = id === undefined ? undefined : await readConversation(id);
  if (found === undefined || absent.peek() !== id) return;
  absent.value = undefined;
  open.value = settled(found, undefined);
}

function read(id: string): Promise<Conversation | undefined> {
  const shown = open.peek();
  return shown?.id === id ? Promise.resolve(shown) : readConversation(id);
}

async function store(conversation: Conversation): Promise<void> {
  await writeConversation(conversation);
  const { id, title, updatedAt } = conversation;
  const others = (summaries.peek() ?? []).filter((summary) => summary.id !== id);
  setSummaries([{ id, title, updatedAt }, ...others]);
  tellOthers();
}

function setSummaries(list: readonly Summary[]): void {
  summaries.value = list.toSorted((a, b) => b.updatedAt - a.updatedAt);
}

function tellOthers(removed?: string): void {
  channel.postMessage({ removed } satisfies Told);
}
