/**
 * A file that is there as a whole or not at all: written under a temporary name beside its place, moved there when it
 * is complete, and removed when anything goes wrong. What was in its place stays until then.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { BitnetError } from '../base/errors.ts';
import type { ByteSink } from '../formats/tensor-output.ts';
import { writeReason } from '../platform/file-reason.ts';

/**
 * Calls `write` with a sink and puts what it wrote at `path`.
 *
 * @param replace whether a file that is there already may be replaced
 * @returns what `write` returned
 * @throws BitnetError `output/exists`, `output/not-a-file` when something else than a file is there, `output/failed`;
 *   whatever `write` throws
 */
export async function writeOutputFile<T>(
  path: string,
  replace: boolean,
  write: (sink: ByteSink) => Promise<T>,
): Promise<T> {
  await checkFilePlace(path, replace);
  const temporary = `${path}.${process.pid}.part`;
  // Of a process that was killed and had the same number, as all have in a container.
  await rm(temporary, { force: true }).catch(() => {});
  const file = await open(temporary, 'wx').catch((cause: unknown) => {
    throw outputError(path, cause);
  });
  try {
    const result = await write((bytes) => writeAll(file, bytes, path));
    try {
      // Without this, a power cut after the move could leave a file of zeros in the place of a good one.
      await file.sync();
      await file.close();
      await rename(temporary, path);
    } catch (cause) {
      throw outputError(path, cause);
    }
    return result;
  } catch (error) {
    // The first error is the one to report.
    await file.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Throws when a file cannot be put at `path`, for commands that work for long before they write.
 *
 * @throws BitnetError `output/exists`, `output/not-a-file`
 */
export async function checkFilePlace(path: string, replace: boolean): Promise<void> {
  let present: Awaited<ReturnType<typeof stat>>;
  try {
    present = await stat(path);
  } catch {
    return;
  }
  if (!present.isFile()) {
    throw new BitnetError('output/not-a-file', `${path} is no ordinary file and cannot be replaced by one`);
  }
  if (!replace) {
    throw new BitnetError(
      'output/exists',
      `${path} exists already; choose another name, or replace it with --force`,
    );
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done).catch((cause: unknown) => {
      throw outputError(path, cause);
    });
    done += bytesWritten;
  }
}

/** That a file cannot be written, and why: `output/failed`. */
export function outputError(path: string, cause: unknown): BitnetError {
  return new BitnetError('output/failed', `${path} cannot be written: ${writeReason(cause)}`, { cause });
}
