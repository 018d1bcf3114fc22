/** The models of `bitnet serve`: found, downloaded where they are not here, and with the names that requests use. */
import type { LoadOptions } from '../../index.ts';
import type { ModelEntry } from '../../server/server.ts';
import type { CommandInput } from '../command.ts';
import { defaultModel } from './bundled-model.ts';
import { locateModel } from './locate-model.ts';

/**
 * Every MODEL of the command line: `NAME=MODEL`, or a MODEL, in which there may be a `=` behind the first slash or question
 * mark. A model of the hub goes by the name that was written.
 *
 * @throws BitnetError as locateModel
 */
export async function servedModels(
  { positionals, signal }: CommandInput,
  { contextLength, pull }: LoadOptions,
): Promise<readonly ModelEntry[]> {
  const entries: ModelEntry[] = [];
  for (const { id, source } of positionals.length === 0 ? [defaultEntry()] : positionals.map(entryOf)) {
    const path = await locateModel(source, { signal, contextLength, offline: pull?.offline });
    // A path or URL comes back as it was, and is named after its file; so is a page of the hub.
    const isName = path !== source && !/^[a-z]+:\/\//i.test(source);
    const name = id ?? (isName ? source : undefined);
    entries.push({ ...(name !== undefined && { id: name }), source: path });
  }
  return entries;
}

interface NamedSource {
  readonly id: string | undefined;
  readonly source: string;
}

function defaultEntry(): NamedSource {
  const { label, source } = defaultModel();
  return { id: label === source ? undefined : label, source };
}

function entryOf(text: string): NamedSource {
  const [, id, source] = /^([^=/\\?]+)=(.+)$/s.exec(text) ?? [];
  return id === undefined || source === undefined ? { id: undefined, source: text } : { id, source };
}
