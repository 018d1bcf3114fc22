/** What the cache holds, as `bitnet list` shows it and `bitnet rm` finds it: whole models and interrupted downloads. */
import { findByRepository } from '../../hub/catalogue/catalogue.ts';
import type { Catalogue } from '../../hub/catalogue/catalogue-entry.ts';
import type { Hub, LocalModel, UnfinishedDownload } from '../../hub/hub.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { formatBytes } from '../quantities.ts';
import type { Styles } from '../terminal.ts';

/** The models in the cache, and what is on the way there. */
export interface CachedModels {
  readonly models: readonly LocalModel[];
  readonly unfinished: readonly UnfinishedDownload[];
}

/** Everything in the cache. */
export async function readCache(hub: Hub): Promise<CachedModels> {
  const [models, unfinished] = await Promise.all([hub.list(), hub.unfinished()]);
  return { models, unfinished };
}

/**
 * What can be written for a file or folder of the cache where a MODEL is expected: the short name where the catalogue
 * has one.
 */
export function nameInCache(catalogue: Catalogue, repository: string, file: string | undefined): string {
  const found = findByRepository(catalogue, repository, file);
  if (found === undefined || 'refused' in found) {
    return file === undefined ? repository : `${repository}:${file}`;
  }
  const { entry, published } = found;
  const isFirst = entry.files[0] === published;
  const isOnlyOfFormat = entry.files.find(({ format }) => format === published.format) === published;
  if (isFirst) return entry.name;
  return isOnlyOfFormat ? `${entry.name}:${published.format.toLowerCase()}` : repository;
}

/**
 * What of the cache a name means: all revisions and files of a repository, unless it says which.
 *
 * @param commit of the name's revision, when it has one
 */
export function meantBy(cached: CachedModels, model: HubModel, commit: string | undefined): CachedModels {
  const isMeant = (candidate: LocalModel | UnfinishedDownload): boolean =>
    candidate.repository.toLowerCase() === model.repository.toLowerCase() &&
    (commit === undefined || candidate.revision.startsWith(commit));
  return {
    models: cached.models.filter(
      (found) => isMeant(found) && (model.file === undefined || found.file === model.file),
    ),
    unfinished: cached.unfinished.filter(
      (found) => isMeant(found) && (model.file === undefined || found.file === model.file),
    ),
  };
}

/** `534 MB of 1.19 GB (45 %)` */
export function shareOf({ doneBytes, totalBytes }: UnfinishedDownload): string {
  const percent = totalBytes > 0 ? Math.floor((100 * doneBytes) / totalBytes) : 0;
  return `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} (${percent} %)`;
}

/** The list for people. @param folder of the cache */
export function cacheTable(
  { models, unfinished }: CachedModels,
  catalogue: Catalogue,
  folder: string,
  styles: Styles,
): string {
  if (models.length === 0 && unfinished.length === 0) {
    return `There is no model in ${folder}; \`bitnet pull NAME\` downloads one, and \`bitnet models\` lists names.\n`;
  }
  const rows = models.map(({ repository, revision, file, bytes }) => [
    nameInCache(catalogue, repository, file),
    formatBytes(bytes),
    revision.slice(0, 7),
    file === undefined ? repository : `${repository}:${file}`,
  ]);
  const halves = unfinished.map((download) => [
    nameInCache(catalogue, download.repository, download.file),
    `unfinished: ${shareOf(download)} of ${download.file}`,
  ]);
  const header = ['name', 'size', 'revision', 'file'];
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = `${models.length} ${models.length === 1 ? 'model' : 'models'}`;
  return `${[
    ...(rows.length === 0 ? [] : [styles.bold(line(header)), ...rows.map(line)]),
    ...halves.map(([name = '', what = '']) => `${name}  ${styles.yellow(what)}`),
    '',
    styles.dim(`${count}, ${formatBytes(total)}, in ${folder}`),
    ...(unfinished.length === 0
      ? []
      : [styles.dim('`bitnet pull NAME` goes on with what is unfinished, `bitnet rm NAME` removes it.')]),
  ].join('\n')}\n`;
}
