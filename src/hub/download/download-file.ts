/**
 * One file of a repository into the blobs of the cache: found there, or fetched under a lock, checked against the hash of
 * the hub's list, and only then put in its place. Large files are resumed piece by piece; small ones are fetched at once.
 */
import { BitnetError } from '../../base/errors.ts';
import { PassingFault, type Subject, withTimeout } from '../api/hub-client.ts';
import { type HubFile, resolveUrl } from '../api/listing.ts';
import { blobPath, journalPath, lockPath, partPath } from '../cache/cache-paths.ts';
import { readBody } from './fetch-pieces.ts';
import { damaged, type FileJob, subjectOf } from './file-job.ts';
import { hashOf } from './piece-writer.ts';
import { PiecewiseDownload } from './piecewise-download.ts';

/** What is fetched with one request and kept in memory meanwhile. */
const SMALL_BYTES = 1024 * 1024;
/** Files without a SHA-256; the hub takes none beyond 10 MB. */
const LARGEST_WHOLE_BYTES = 64 * 1024 * 1024;

/**
 * Sees to it that the blob of a file is there.
 *
 * @throws BitnetError `hub/damaged`, `hub/unreachable`, `files/…`, as HubClient.request
 */
export async function downloadFile(job: FileJob): Promise<void> {
  const { tree, listing, file, meter, signal } = job;
  const { repository } = listing;
  if (await isHere(job)) return meter.add(file.size);
  const lock = await tree.lock(
    lockPath(repository, file.etag),
    () => meter.enter('waiting', file.path),
    signal,
  );
  try {
    // Another process may have fetched it meanwhile.
    if (await isHere(job)) return meter.add(file.size);
    if (file.hash === 'git-sha1' || file.size <= SMALL_BYTES) await downloadWhole(job);
    else {
      await downloadPiecewise(job);
    }
  } finally {
    await lock.release();
  }
}

async function isHere({ tree, listing, file }: FileJob): Promise<boolean> {
  const entry = await tree.entryOf(blobPath(listing.repository, file.etag));
  return entry !== undefined && !entry.isFolder && entry.size === file.size;
}

async function downloadPiecewise(job: FileJob): Promise<void> {
  const { tree, listing, file } = job;
  const part = partPath(listing.repository, file.etag);
  const journal = journalPath(listing.repository, file.etag);
  try {
    await new PiecewiseDownload(job).run();
  } catch (error) {
    // Nothing of a file that cannot be right is of use to the next attempt.
    if (error instanceof BitnetError && error.code === 'hub/damaged') {
      await tree.remove(part);
      await tree.remove(journal);
    }
    throw error;
  }
  await tree.move(part, blobPath(listing.repository, file.etag));
  await tree.remove(journal);
}

async function downloadWhole(job: FileJob): Promise<void> {
  const { tree, client, listing, file, meter, signal } = job;
  const subject = subjectOf(job);
  if (file.size > LARGEST_WHOLE_BYTES) {
    throw new BitnetError(
      'hub/bad-answer',
      `${listing.repository}: the hub gives no SHA-256 for the ${file.size} bytes of ${file.path}; check HF_ENDPOINT`,
    );
  }
  meter.enter('downloading', file.path);
  for (let attempt = 0; attempt < 2; attempt++) {
    const bytes = await client.retry(subject, signal, () => fetchWhole(job, subject));
    if ((await digestOf(file, bytes)) === file.etag) {
      return tree.write(blobPath(listing.repository, file.etag), bytes);
    }
    meter.add(-file.size);
  }
  throw damaged(subject);
}

/** All bytes of a small file. @throws PassingFault */
async function fetchWhole({ client, listing, file, meter, signal }: FileJob, subject: Subject) {
  const url = resolveUrl(client.settings.endpoint, listing.repository, listing.commit, file.path);
  const bytes = new Uint8Array(file.size);
  const limit = withTimeout(signal, client.stallMs);
  let filled = 0;
  try {
    const response = await client.request(url, subject, {}, limit.signal);
    await readBody(response, limit, async (chunk) => {
      if (filled + chunk.length > file.size) throw damaged(subject);
      bytes.set(chunk, filled);
      filled += chunk.length;
      meter.add(chunk.length);
    });
    if (filled < file.size) throw new PassingFault('the connection was cut');
    return bytes;
  } catch (error) {
    meter.add(-filled);
    throw limit.causeOf(error);
  } finally {
    limit.end();
  }
}

async function digestOf({ hash }: HubFile, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (hash === 'sha256') return hashOf(bytes);
  // Git hashes a header with the content (gitformat-pack, "git hash-object").
  const header = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const object = new Uint8Array(header.length + bytes.length);
  object.set(header);
  object.set(bytes, header.length);
  const digest = await globalThis.crypto.subtle.digest('SHA-1', object);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
