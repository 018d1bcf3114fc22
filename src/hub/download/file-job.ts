/** What the download of one file needs to know, and what is said when it cannot be had. */
import { BitnetError } from '../../base/errors.ts';
import type { FileTree } from '../../base/file-tree.ts';
import type { HubClient, Subject } from '../api/hub-client.ts';
import type { HubFile, HubListing } from '../api/listing.ts';
import type { PullMeter } from './pull-meter.ts';

/** One file of a repository at a commit. */
export interface FileJob {
  readonly tree: FileTree;
  readonly client: HubClient;
  readonly listing: HubListing;
  readonly file: HubFile;
  readonly connections: number;
  /** Undefined: by the length of the file. */
  readonly pieceBytes: number | undefined;
  readonly meter: PullMeter;
  readonly signal: AbortSignal | undefined;
}

/** The file as messages call it. */
export function subjectOf({ listing, file }: Pick<FileJob, 'listing' | 'file'>): Subject {
  return { repository: listing.repository, revision: listing.commit, file: file.path };
}

/** The server's bytes are not those that the hub lists. */
export function damaged(subject: Subject): BitnetError {
  return new BitnetError(
    'hub/damaged',
    `${subject.repository}: what the server gives for ${subject.file} is not what the hub's list says (its hash differs), ` +
      'twice; try again later or from another network, as a proxy may be at fault',
    { details: { ...subject } },
  );
}
