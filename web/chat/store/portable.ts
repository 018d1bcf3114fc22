/**
 * Conversations as a JSON file and back. A file comes from anywhere, so every field of it is checked, and a file with a fault
 * changes nothing.
 */
import type { Conversation, Fault, Statistics, Turn, Variant } from './conversation.ts';
import { addAll } from './conversations.ts';
import { readConversations, readTokens, writeTokens } from './database.ts';
import type { PackedToken } from './packed-tokens.ts';

const FORMAT = 'bitnet.ts conversations';
const VERSION = 1;

/** The conversations as the text of a file; all, or the one with that id. */
export async function exportText(id?: string): Promise<string> {
  const conversations = (await readConversations()).filter((found) => id === undefined || found.id === id);
  const ids = conversations.flatMap(({ turns }) =>
    turns.flatMap((turn) => (turn.role === 'assistant' ? turn.variants.map((variant) => variant.id) : [])),
  );
  const tokens: Record<string, readonly PackedToken[]> = {};
  for (const variantId of ids) {
    const found = await readTokens(variantId);
    if (found) tokens[variantId] = found;
  }
  return JSON.stringify({ format: FORMAT, version: VERSION, conversations, tokens });
}

/** Hands a text to the user as a file. */
export function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Adds the conversations of a file; those that are here already are replaced where the file has the newer state.
 *
 * @returns how many there were
 * @throws Error one sentence for the user
 */
export async function importText(text: string): Promise<number> {
  const file = record(parsed(text), 'the file');
  if (file.format !== FORMAT || file.version !== VERSION) {
    throw new Error('This is no file of conversations that this page exported.');
  }
  const conversations = list(file.conversations, 'conversations').map(conversationOf);
  const tokens = Object.entries(record(file.tokens ?? {}, 'tokens')).map(
    ([id, packed]) => [id, list(packed, 'tokens').map(packedOf)] as const,
  );
  const here = new Map((await readConversations()).map((found) => [found.id, found.updatedAt]));
  await addAll(conversations.filter(({ id, updatedAt }) => updatedAt >= (here.get(id) ?? 0)));
  for (const [id, packed] of tokens) await writeTokens(id, packed);
  return conversations.length;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('This file is no JSON.');
  }
}

function conversationOf(value: unknown): Conversation {
  const found = record(value, 'a conversation');
  const turns = list(found.turns, 'turns').map(turnOf);
  return {
    id: string(found.id, 'id'),
    title: string(found.title, 'title'),
    createdAt: number(found.createdAt, 'createdAt'),
    updatedAt: number(found.updatedAt, 'updatedAt'),
    isNamed: found.isNamed === true,
    turns,
    start: Math.min(Math.max(Math.trunc(number(found.start ?? 0, 'start')), 0), turns.length),
  };
}

function turnOf(value: unknown): Turn {
  const found = record(value, 'a turn');
  const id = string(found.id, 'id');
  if (found.role === 'user') return { role: 'user', id, text: string(found.text, 'text') };
  if (found.role !== 'assistant') throw faulty('role');
  const variants = list(found.variants, 'variants').map(variantOf);
  const shown = number(found.shown, 'shown');
  if (variants[shown] === undefined) throw faulty('shown');
  return { role: 'assistant', id, variants, shown };
}

function variantOf(value: unknown): Variant {
  const found = record(value, 'a variant');
  const states = ['complete', 'stopped', 'failed', 'interrupted'] as const;
  return {
    id: string(found.id, 'id'),
    text: string(found.text, 'text'),
    state: states.find((state) => state === found.state) ?? 'interrupted',
    fault: found.fault === undefined ? undefined : faultOf(record(found.fault, 'fault')),
    statistics:
      found.statistics === undefined ? undefined : statisticsOf(record(found.statistics, 'statistics')),
    model: string(found.model, 'model'),
    place: found.place === 'server' ? 'server' : 'device',
  };
}

function faultOf(found: Readonly<Record<string, unknown>>): Fault {
  return { reason: 'refused', message: string(found.message, 'message') };
}

function statisticsOf(found: Readonly<Record<string, unknown>>): Statistics {
  const optional = (name: string) => (found[name] === undefined ? undefined : number(found[name], name));
  const reason = found.finishReason;
  return {
    finishReason: reason === 'stop' || reason === 'length' ? reason : undefined,
    promptTokens: optional('promptTokens'),
    cachedTokens: optional('cachedTokens'),
    generatedTokens: number(found.generatedTokens, 'generatedTokens'),
    firstTokenSeconds: optional('firstTokenSeconds'),
    tokensPerSecond: optional('tokensPerSecond'),
  };
}

function packedOf(value: unknown): PackedToken {
  return list(value, 'tokens').map((part) =>
    typeof part === 'number' ? number(part, 'tokens') : string(part, 'tokens'),
  );
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw faulty(name);
  return value as Record<string, unknown>;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw faulty(name);
  return value;
}

function string(value: unknown, name: string): string {
  if (typeof value !== 'string') throw faulty(name);
  return value;
}

function number(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw faulty(name);
  return value;
}

function faulty(name: string): Error {
  return new Error(`Nothing was imported: the file is damaged (${name}).`);
}
