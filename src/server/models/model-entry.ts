/** Which models a server is to offer: their names, and what is known of them without loading them. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BitnetError, type Model } from '../../index.ts';

/** A model of a server: where it is (or itself), with the name that requests use. */
export interface ModelEntry {
  /** Default: from the name of the file or folder, without `.gguf`. */
  readonly id?: string;
  /** Path or URL, or a model that was loaded by the caller, who keeps it. */
  readonly source: string | URL | Model;
}

/** An entry with its name. */
export interface NamedModel {
  readonly id: string;
  readonly source: string | URL | Model;
}

const MODEL_NAME = /^[\w][\w.:@/+-]{0,127}$/;

/**
 * Entries with their names. Names that come from files say nothing of where those are.
 *
 * @throws BitnetError `option/models` for no models, names that cannot be used, and names given twice
 */
export function nameModels(entries: readonly (string | URL | Model | ModelEntry)[]): NamedModel[] {
  if (entries.length === 0) throw new BitnetError('option/models', 'a server needs at least one model');
  const named: NamedModel[] = [];
  const isTaken = (id: string) => named.some((other) => other.id === id);
  for (const entry of entries) {
    const { id, source } = asEntry(entry);
    if (id !== undefined && !MODEL_NAME.test(id)) {
      throw new BitnetError(
        'option/models',
        `"${id.slice(0, 100)}" cannot be the name of a model: letters, digits and . : @ / + - _, at most 128, beginning ` +
          'with a letter, a digit or _',
      );
    }
    if (id !== undefined && isTaken(id)) {
      throw new BitnetError('option/models', `two models are called "${id}"; give one of them another name`);
    }
    named.push({ id: id ?? freeName(nameOf(source), isTaken), source });
  }
  return named;
}

function asEntry(entry: string | URL | Model | ModelEntry): ModelEntry {
  if (typeof entry === 'string' || entry instanceof URL) return { source: entry };
  return 'source' in entry ? entry : { source: entry };
}

/** `tiny-tales.i2_s` for `/models/tiny-tales.i2_s.gguf`. */
function nameOf(source: NamedModel['source']): string {
  if (typeof source === 'object' && !(source instanceof URL)) return 'model';
  const path = String(source).replace(/[?#].*$/, '');
  const last =
    path
      .split(/[/\\]/)
      .filter((part) => part !== '')
      .at(-1) ?? '';
  const name = last
    .replace(/\.gguf$/i, '')
    .replace(/[^\w.@+-]+/g, '-')
    .replace(/^[^\w]+/, '');
  return name.slice(0, 100) || 'model';
}

function freeName(name: string, isTaken: (id: string) => boolean): string {
  let free = name;
  for (let i = 2; isTaken(free); i++) free = `${name}-${i}`;
  return free;
}

/** What a source weighs and how old it is; undefined for what is not in a file system. */
export interface SourceFacts {
  readonly fileBytes: number | undefined;
  /** Unix time in seconds. */
  readonly changed: number | undefined;
}

/** Asks the file system; what cannot be found is no error before it is loaded. */
export function sourceFacts(source: NamedModel['source']): SourceFacts {
  const path = pathOf(source);
  const found = path === undefined ? undefined : statOf(path);
  if (path === undefined || found === undefined) return { fileBytes: undefined, changed: undefined };
  const fileBytes = found.isDirectory() ? folderBytes(path) : found.size;
  return { fileBytes, changed: Math.floor(found.mtimeMs / 1000) };
}

function pathOf(source: NamedModel['source']): string | undefined {
  if (source instanceof URL) return source.protocol === 'file:' ? fileURLToPath(source) : undefined;
  return typeof source === 'string' && !/^(?:https?|blob|data|file):/i.test(source) ? source : undefined;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Loading it says what is wrong.
    return undefined;
  }
}

function folderBytes(folder: string): number {
  const files = readdirSync(folder).map((name) => statOf(join(folder, name)));
  return files.reduce((total, file) => total + (file?.isFile() === true ? file.size : 0), 0);
}
