/**
 * A folder that is there as a whole or not at all, as output-file.ts does it for files: written under a temporary name
 * beside its place and moved there when it is complete.
 */
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import type { PlannedFile } from '../../convert/output/planned-file.ts';
import { outputError, writeOutputFile } from '../output-file.ts';

/**
 * Writes the files and puts the folder at `path`.
 *
 * @param replace  whether a model folder that is there already may be replaced; an empty folder always may
 * @throws BitnetError `output/exists`, `output/not-a-model` for a folder that holds something else, `output/failed`;
 *   whatever a file's writing throws
 */
export async function writeOutputFolder(
  path: string,
  replace: boolean,
  files: readonly PlannedFile[],
): Promise<void> {
  await checkFolderPlace(path, replace);
  const temporary = `${path}.${process.pid}.part`;
  await rm(temporary, { recursive: true, force: true }).catch(() => {});
  await mkdir(temporary).catch((cause: unknown) => {
    throw outputError(path, cause);
  });
  try {
    for (const file of files) await writeOutputFile(join(temporary, file.name), false, file.write);
    await moveInto(temporary, path).catch((cause: unknown) => {
      throw outputError(path, cause);
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Throws what {@link writeOutputFolder} would, before the work is done.
 *
 * @throws BitnetError `output/exists`, `output/not-a-model`
 */
export async function checkFolderPlace(path: string, replace: boolean): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  if (present === undefined) return;
  if (!present.isDirectory()) {
    throw new BitnetError(
      'output/exists',
      `${path} exists already and is a file; a result that does not end in .gguf is a folder, so choose another name`,
    );
  }
  const entries = await readdir(path, { withFileTypes: true });
  if (entries.length === 0) return;
  if (!replace) {
    throw new BitnetError(
      'output/exists',
      `${path} exists already; choose another name, or replace it with --force`,
    );
  }
  const names = entries.map(({ name }) => name);
  const isModel = names.includes('config.json') && names.some((name) => /\.safetensors$/.test(name));
  if (isModel && entries.every((entry) => entry.isFile())) return;
  throw new BitnetError(
    'output/not-a-model',
    `${path} is a folder that holds other things than a model, and --force replaces only model folders; choose another name`,
  );
}

async function moveInto(temporary: string, path: string): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  if (present === undefined) return rename(temporary, path);
  const old = `${path}.${process.pid}.old`;
  await rename(path, old);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rename(old, path);
    throw error;
  }
  await rmdir(old).catch(() => rm(old, { recursive: true, force: true }));
}
