/**
 * Training text on disk: files and folders as a user names them become a corpus. A .txt or .md file is one document, a
 * .jsonl file has one in each line, and a folder stands for all such files below it in the order of their names. What
 * else lies in a folder is left out, and said; a file that was named and is none of these is an error.
 */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPath } from '#platform';
import { BitnetError } from '../../base/errors.ts';
import { type Corpus, type CorpusFile, createCorpus } from '../../train/data/corpus/corpus.ts';
import { type DocumentFormat, formatOf, TEXT_SUFFIXES } from '../../train/data/corpus/read-documents.ts';

/** More files than this make no sense one by one, and their names take memory. */
const MAX_FILES = 1_000_000;
const MAX_DEPTH = 64;

/** What was found so far. */
interface Found {
  readonly files: CorpusFile[];
  /** Paths of what is no text, or a link to a folder. */
  readonly leftOut: string[];
}

/**
 * The corpus of files and folders, in the order in which they are named.
 *
 * @param paths as {@link openPath} takes them; relative ones start at the working folder
 * @throws BitnetError `train/no-text` when there is nothing to read, `train/unknown-text-format` for a file that is not
 *   .txt, .md or .jsonl, `train/unreadable` when the file system refuses
 */
export async function openTextInputs(paths: readonly string[]): Promise<Corpus> {
  if (paths.length === 0) {
    throw new BitnetError(
      'train/no-text',
      `no training text is named; name files (${TEXT_SUFFIXES}) or folders of them`,
    );
  }
  const files: CorpusFile[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    const found: Found = { files: [], leftOut: [] };
    await addNamed(path, found);
    if (found.files.length === 0) {
      throw new BitnetError('train/no-text', `${path}: there is no ${TEXT_SUFFIXES} file in this folder`);
    }
    if (found.leftOut.length > 0) notes.push(leftOutNote(path, found.leftOut));
    for (const file of found.files) files.push(file);
  }
  return createCorpus(files, notes);
}

async function addNamed(path: string, found: Found): Promise<void> {
  const kind = await look(path);
  if (kind.isDirectory()) {
    await addFolder(path, found, 0);
    return;
  }
  const format = formatOf(path);
  if (format === undefined || !kind.isFile()) {
    throw new BitnetError(
      'train/unknown-text-format',
      `${path} is no training text; it must be a ${TEXT_SUFFIXES} file or a folder of them`,
    );
  }
  addFile(path, format, kind.size, found);
}

async function addFolder(folder: string, found: Found, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) {
    throw new BitnetError(
      'train/unreadable',
      `${folder} lies more than ${MAX_DEPTH} folders deep; name it by itself`,
    );
  }
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  // By code units, which is the same in every language and on every file system.
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await addFolder(path, found, depth + 1);
      continue;
    }
    const format = formatOf(entry.name);
    const kind = format === undefined ? undefined : await look(path);
    // A link to a folder may lead around in a circle.
    if (format === undefined || kind === undefined || !kind.isFile()) found.leftOut.push(path);
    else addFile(path, format, kind.size, found);
  }
}

function addFile(path: string, format: DocumentFormat, size: number, found: Found): void {
  if (found.files.length >= MAX_FILES) {
    throw new BitnetError(
      'train/unreadable',
      `more than ${MAX_FILES} files; put the texts into .jsonl files`,
    );
  }
  found.files.push({
    name: path,
    format,
    size,
    async open() {
      const source = await openPath(path);
      if ('readInto' in source) return source;
      throw new BitnetError('train/unreadable', `${path} was a file and is a folder now; start again`);
    },
  });
}

async function look(path: string): Promise<Stats> {
  return stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

function unreadable(path: string, cause: unknown): BitnetError {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === 'ENOENT') {
    return new BitnetError('train/unreadable', `${path}: there is no such file or folder`, { cause });
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BitnetError('train/unreadable', `${path} cannot be read: ${why}`, { cause });
}

function leftOutNote(path: string, leftOut: readonly string[]): string {
  const names = leftOut.slice(0, 3).join(', ');
  const more = leftOut.length > 3 ? ', …' : '';
  const found = leftOut.length === 1 ? 'One file was' : `${leftOut.length} files were`;
  return `${found} left out of ${path}, being no ${TEXT_SUFFIXES} (${names}${more}).`;
}
