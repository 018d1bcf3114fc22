/**
 * models/catalog.json, read once, and the ways to find a model in it: by short name, alias, repository, or the last part
 * of a repository's name. Upper and lower case, `_` and `-` are the same in short names, as people mix them up.
 */
import { readAsset } from '#platform';
import { nearestName } from '../../base/nearest-name.ts';
import type { Catalogue, CatalogueEntry, PublishedFile, UnsupportedModel } from './catalogue-entry.ts';

let reading: Promise<Catalogue> | undefined;

/**
 * The catalogue that comes with the package.
 *
 * @throws BitnetError `platform/asset-missing` in pages that are served without it
 */
export function readCatalogue(): Promise<Catalogue> {
  reading ??= readAsset(new URL('../../../models/catalog.json', import.meta.url))
    .then((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as Catalogue)
    .catch((error: unknown) => {
      // The next caller may have a better connection.
      reading = undefined;
      throw error;
    });
  return reading;
}

/** A download of a model that runs, or a model that does not. */
export type Found =
  | { readonly entry: CatalogueEntry; readonly published: PublishedFile }
  | { readonly refused: UnsupportedModel };

/**
 * The model of a short name. Behind a colon may be the format of one of its downloads: `2b4t:packed`.
 *
 * @returns undefined when no model is called so, or it has no such download
 */
export function findByName({ models, unsupported }: Catalogue, text: string): Found | undefined {
  const [name = '', format] = text.split(':', 2);
  const wanted = plain(name);
  const isCalled = (names: readonly string[]) => names.some((known) => plain(known) === wanted);
  const named = models.find((entry) => isCalled([entry.name, ...entry.aliases]));
  if (named !== undefined) {
    const published = named.files.find(
      (file) => format === undefined || plain(file.format) === plain(format),
    );
    return published && { entry: named, published };
  }
  for (const entry of models) {
    const published = entry.files.find(({ repository }) => isCalled([lastPart(repository)]));
    if (published !== undefined && format === undefined) return { entry, published };
  }
  const refused = unsupported.find(({ name, aliases, repositories }) =>
    isCalled([name, ...aliases, ...repositories.map(lastPart)]),
  );
  return refused && { refused };
}

/**
 * The model that a repository holds.
 *
 * @param repository `owner/name`
 * @param path a file of the repository; undefined for the first that the catalogue has of it
 */
export function findByRepository(
  { models, unsupported }: Catalogue,
  repository: string,
  path?: string,
): Found | undefined {
  const wanted = repository.toLowerCase();
  for (const entry of models) {
    const published = entry.files.find(
      (file) =>
        file.repository.toLowerCase() === wanted && (path === undefined || (file.path ?? path) === path),
    );
    if (published !== undefined) return { entry, published };
  }
  const refused = unsupported.find(({ repositories }) =>
    repositories.some((known) => known.toLowerCase() === wanted),
  );
  return refused && { refused };
}

/**
 * The names that a misspelt one may stand for, the likeliest first, at most three.
 *
 * @param more other names that could have been meant
 */
export function nearNames(
  { models, unsupported }: Catalogue,
  name: string,
  more: readonly string[] = [],
): string[] {
  const wanted = plain(name);
  const canonical = [...more, ...models.map((entry) => entry.name)];
  const alike = canonical.filter((known) => wanted.length >= 3 && known.includes(wanted));
  const byAlias = new Map(
    models.flatMap((entry) => entry.aliases.map((alias): [string, string] => [alias, entry.name])),
  );
  const near = nearestName(wanted, [
    ...canonical,
    ...byAlias.keys(),
    ...unsupported.map((model) => model.name),
  ]);
  const nearest = near === undefined ? [] : [byAlias.get(near) ?? near];
  return [...new Set([...nearest, ...alike])].slice(0, 3);
}

/** What two ways of writing a name have in common. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

function lastPart(repository: string): string {
  return repository.slice(repository.indexOf('/') + 1);
}
