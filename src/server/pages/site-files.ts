/**
 * The files of the web pages as the build leaves them in dist/web/, and the bundled model. They are read once and kept, compressed
 * too: all of them together are a few megabytes. Only files that are there are ever answered with, so no path leads out of the folder.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** One file, ready to be sent. */
export interface SiteFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same with gzip; undefined where that saves nothing. */
  readonly gzipped: Uint8Array<ArrayBuffer> | undefined;
  /** Changes with the bytes; without quotes. */
  readonly tag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.gguf': 'application/octet-stream',
};

const compress = promisify(gzip);

/** Looks files up by their path in the folder, with forward slashes. */
export type FindFile = (path: string) => Promise<SiteFile | undefined>;

/** The files of a folder, listed at the first question; a folder that is not there has none. */
export function siteFiles(folder: string): FindFile {
  let names: Promise<ReadonlySet<string>> | undefined;
  const files = new Map<string, Promise<SiteFile>>();
  return async (path) => {
    names ??= listFiles(folder);
    if (!(await names).has(path)) return undefined;
    let file = files.get(path);
    if (file === undefined) {
      file = readSiteFile(join(folder, path));
      file.catch(() => files.delete(path));
      files.set(path, file);
    }
    return file;
  };
}

async function listFiles(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  return new Set(paths);
}

async function readSiteFile(path: string): Promise<SiteFile> {
  const bytes = new Uint8Array(await readFile(path));
  const gzipped = new Uint8Array(await compress(bytes));
  return {
    type: TYPES[extname(path)]!,
    bytes,
    gzipped: gzipped.length < bytes.length ? gzipped : undefined,
    tag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
  };
}
