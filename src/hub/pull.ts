/** A model of the hub becomes files of the cache: listed, chosen, weighed against the disk, downloaded, linked. */
import { BitnetError } from '../base/errors.ts';
import type { FileTree } from '../base/file-tree.ts';
import { type ClientOptions, HubClient } from './api/hub-client.ts';
import { hubSettings, isOffline } from './api/hub-settings.ts';
import { type HubFile, type HubListing, isCommit, isSafePath, listRepository } from './api/listing.ts';
import { blobPath, journalPath, refPath, snapshotFolder } from './cache/cache-paths.ts';
import { DEFAULT_REVISION, findModel } from './cache/local-models.ts';
import { chooseFiles, chooseFolder } from './choose-files.ts';
import { downloadFile } from './download/download-file.ts';
import { readJournal } from './download/journal.ts';
import { PullMeter } from './download/pull-meter.ts';
import type { LocalModel, PullOptions } from './hub.ts';
import type { HubModel } from './model-name.ts';

/** Where to put it, and how to ask for it. */
export interface PullSite {
  readonly tree: FileTree;
  readonly client: ClientOptions;
  readonly pieceBytes: number | undefined;
}

const DEFAULT_CONNECTIONS = 4;
const MOST_CONNECTIONS = 32;

/**
 * Throws for a model whose names would lead out of the cache; parseModelName makes none of these.
 *
 * @throws BitnetError `hub/bad-name`
 */
export function checkNames({ label, repository, revision }: HubModel): void {
  const isRepository = /^[\w.-]+\/[\w.-]+$/.test(repository) && !repository.includes('--');
  if (isRepository && isSafePath(repository) && isSafePath(revision ?? DEFAULT_REVISION)) return;
  throw new BitnetError(
    'hub/bad-name',
    `${label}: this cannot be a repository or a revision; write owner/name or owner/name@revision`,
  );
}

/** See Hub.pull. */
export async function pull(site: PullSite, model: HubModel, options: PullOptions): Promise<LocalModel> {
  const { tree } = site;
  checkNames(model);
  const { offline = isOffline(), update = false, onProgress } = options;
  const present = update && !offline ? undefined : await findModel(tree, model);
  if (present !== undefined) {
    onProgress?.({
      doneBytes: present.bytes,
      totalBytes: present.bytes,
      file: present.file ?? '',
      phase: 'done',
    });
    return present;
  }
  if (offline) throw notHere(tree, model);
  onProgress?.({ doneBytes: 0, totalBytes: 0, file: '', phase: 'listing' });
  try {
    await download(site, model, options);
  } catch (error) {
    throw inOurWords(error, tree, model);
  }
  const local = await findModel(tree, model);
  if (local !== undefined) return local;
  throw new BitnetError(
    'hub/damaged',
    `${model.repository}: not all files that its index lists are in the repository; tell its owner, or take another`,
  );
}

async function download(
  { tree, client: behaviour, pieceBytes }: PullSite,
  model: HubModel,
  options: PullOptions,
) {
  const { repository, revision = DEFAULT_REVISION } = model;
  const { connections = DEFAULT_CONNECTIONS, endpoint, token, onProgress, signal } = options;
  if (!Number.isInteger(connections) || connections < 1 || connections > MOST_CONNECTIONS) {
    throw new BitnetError(
      'hub/bad-option',
      `${connections} connections are not possible; give 1 to ${MOST_CONNECTIONS}`,
    );
  }
  const settings = await hubSettings({
    ...(endpoint !== undefined && { endpoint }),
    ...(token !== undefined && { token }),
  });
  const client = await HubClient.create(settings, behaviour);
  const listing = await listRepository(client, repository, revision, signal);
  const { files } = filesToHave(model, revision, listing);
  await checkSpace(tree, model, files);
  const meter = new PullMeter(
    files.reduce((sum, { size }) => sum + size, 0),
    onProgress,
  );
  for (const file of files) {
    signal?.throwIfAborted();
    if (await isLinked(tree, listing, file)) meter.add(file.size);
    else {
      await downloadFile({ tree, client, listing, file, connections, pieceBytes, meter, signal });
      await tree.link(blobPath(repository, file.etag), snapshotPath(listing, file));
    }
  }
  // Only now: until here the branch may stand for an older commit, all of which is there.
  if (!isCommit(revision)) {
    await tree.write(refPath(repository, revision), new TextEncoder().encode(listing.commit));
  }
  meter.finish();
}

/** The files of the model, and which of them is it when it is one file; weights come last, since a folder with weights counts as whole. */
export function filesToHave(
  model: HubModel,
  revision: string,
  listing: HubListing,
): { readonly file: string | undefined; readonly files: readonly HubFile[] } {
  const { repository, file, published } = model;
  const paths = listing.files.map(({ path }) => path);
  const isFolder = published !== undefined && file === undefined;
  const chosen = isFolder
    ? chooseFolder(repository, revision, paths)
    : chooseFiles(repository, revision, paths, file);
  const wanted = listing.files.filter(({ path }) => chosen.paths.includes(path));
  const isWeights = ({ path }: HubFile): boolean => /\.(gguf|safetensors)$/.test(path);
  return {
    file: chosen.file,
    files: [...wanted.filter((one) => !isWeights(one)), ...wanted.filter(isWeights)],
  };
}

function snapshotPath({ repository, commit }: HubListing, file: HubFile): string {
  return `${snapshotFolder(repository, commit)}/${file.path}`;
}

async function isLinked(tree: FileTree, listing: HubListing, file: HubFile): Promise<boolean> {
  const entry = await tree.entryOf(snapshotPath(listing, file));
  return entry !== undefined && !entry.isFolder && entry.size === file.size;
}

async function checkSpace(tree: FileTree, model: HubModel, files: readonly HubFile[]): Promise<void> {
  const free = await tree.freeBytes();
  if (free === undefined) return;
  let needed = 0;
  for (const { etag, size } of files) {
    if ((await tree.entryOf(blobPath(model.repository, etag))) !== undefined) continue;
    const journal = await readJournal(tree, journalPath(model.repository, etag));
    needed += size - (journal?.doneBytes ?? 0);
  }
  if (needed <= free) return;
  throw new BitnetError(
    'hub/no-space',
    `${model.label} needs ${inWords(needed)} more, but ${tree.name} has room for ${inWords(free)}; make ` +
      `${inWords(needed - free)} free${elsewhere(tree)}`,
    { details: { needed, free } },
  );
}

function elsewhere(tree: FileTree): string {
  return tree.pathOf('') === undefined ? '' : ', or name a folder on another disk with HF_HOME';
}

function notHere(tree: FileTree, model: HubModel): BitnetError {
  return new BitnetError(
    'hub/offline',
    `${model.label} is not in ${tree.name}, and nothing may be taken from the network (--offline or HF_HUB_OFFLINE); ` +
      `run \`bitnet pull ${model.label}\` with a network first`,
  );
}

/** Faults of the medium, as faults of a pull. */
function inOurWords(error: unknown, tree: FileTree, model: HubModel): unknown {
  if (!(error instanceof BitnetError)) return error;
  const { message, details } = error;
  if (error.code === 'files/locked') return new BitnetError('hub/locked', message, { details, cause: error });
  if (error.code !== 'files/no-space') return error;
  return new BitnetError(
    'hub/no-space',
    `${model.label} does not fit: ${message}; make room and run the same again, what has arrived is kept${elsewhere(tree)}`,
    { details, cause: error },
  );
}

function inWords(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
