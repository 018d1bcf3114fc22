/**
 * Says what a word stands for where a model is expected. In this order: what is written as a path is one; what is there as
 * a path is one; then come the short names of the catalogue and `owner/name` of the hub. Touches no network.
 */
import { environmentVariable, pathExists } from '#platform';
import { BitnetError } from '../base/errors.ts';
import { type Found, findByName, findByRepository, nearNames, readCatalogue } from './catalogue/catalogue.ts';
import type { Catalogue } from './catalogue/catalogue-entry.ts';
import type { HubModel, ModelName } from './model-name.ts';

/** What a word is held against. */
export interface Surroundings {
  readonly catalogue: Catalogue;
  /** Whether there is a file or folder of this path. */
  exists(path: string): Promise<boolean>;
  /** Address of the hub; undefined for https://huggingface.co alone. */
  readonly endpoint?: string | undefined;
  /** Names that the caller knows besides the catalogue's, for messages. */
  readonly moreNames?: readonly string[];
}

/** The hub's own addresses, which also stand for it when another one is used. */
const HUB_HOSTS: readonly string[] = ['huggingface.co', 'www.huggingface.co', 'hf.co'];
/** `hf:owner/name@revision:file.gguf`; a revision may hold slashes (`refs/pr/1`), a file may lie in a folder. */
const REPOSITORY =
  /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*?)(?:@(?<revision>[\w][\w./-]*))?(?::(?<file>[^:\\]+\.gguf))?$/;
/** What is a path whether it is there or not: `./x`, `/x`, `~/x`, `C:\x`, anything with a backslash. */
const WRITTEN_AS_PATH = /^(?:\.{1,2}(?:[/\\]|$)|[/~]|[a-z]:[/\\])|\\/i;
const MODEL_FILE = /\.(?:gguf|safetensors|bin|pt|pth)$/i;
const LONGEST_NAME = 4096;

/**
 * As {@link parseModelName}, with the package's catalogue, this machine's files and HF_ENDPOINT.
 *
 * @param moreNames names that the caller knows besides the catalogue's, for messages
 * @throws BitnetError as parseModelName and readCatalogue
 */
export async function resolveModelName(text: string, moreNames: readonly string[] = []): Promise<ModelName> {
  // A path or URL needs no catalogue, which a page may be served without.
  const endpoint = environmentVariable('HF_ENDPOINT');
  const early = parsePlain(text, endpoint);
  if (early !== undefined && early.kind !== 'hub') return early;
  if (early === undefined && (await pathExists(text))) return { kind: 'path', path: text };
  const catalogue = await readCatalogue();
  return parseModelName(text, { catalogue, exists: pathExists, endpoint, moreNames });
}

/**
 * What `text` stands for.
 *
 * @throws BitnetError `hub/unknown-name` with near names, `hub/unsupported` for a model that is known not to run,
 *   `hub/bad-name` for what is written as a name of the hub and cannot be one
 */
export async function parseModelName(text: string, surroundings: Surroundings): Promise<ModelName> {
  const { catalogue, exists, endpoint } = surroundings;
  const plain = parsePlain(text, endpoint);
  if (plain !== undefined) return plain.kind === 'hub' ? withEntry(plain, catalogue) : plain;
  if (await exists(text)) return { kind: 'path', path: text };
  const named = findByName(catalogue, text);
  if (named !== undefined) return fromFound(text, named);
  const repository = hubModel(text, text);
  if (repository?.file !== undefined || repository?.revision !== undefined) {
    return withEntry(repository, catalogue);
  }
  if (repository === undefined || MODEL_FILE.test(text)) {
    if (/[/\\]/.test(text) || MODEL_FILE.test(text)) return { kind: 'path', path: text };
    throw unknownName(text, surroundings);
  }
  const isKnown = findByRepository(catalogue, repository.repository) !== undefined;
  const folder = text.slice(0, text.indexOf('/'));
  if (!isKnown && (await exists(folder))) {
    throw new BitnetError(
      'hub/unknown-name',
      `${text}: the folder ${folder} has no such file or folder; for a repository of the hub write hf:${text}`,
    );
  }
  return withEntry(repository, catalogue);
}

/** What is known from how the text is written alone; undefined when it could be several things. */
function parsePlain(text: string, endpoint: string | undefined): ModelName | undefined {
  if (text.trim() === '' || text.length > LONGEST_NAME) {
    throw new BitnetError(
      'hub/bad-name',
      text.length > LONGEST_NAME
        ? `a model's name of ${text.length} characters is no name; give a path, a URL or a name of \`bitnet models\``
        : 'the model is given as an empty text; give a path, a URL or a name of `bitnet models`',
    );
  }
  if (/^(?:https?|file|blob|data):/i.test(text)) return parseUrl(text, endpoint);
  if (/^hf:/i.test(text)) {
    const model = hubModel(text, text.slice(3).replace(/^\/\//, ''));
    if (model !== undefined) return model;
    throw new BitnetError(
      'hub/bad-name',
      `${shown(text)}: a model of the hub is written hf:owner/name, with @revision and :file.gguf behind it where wanted`,
    );
  }
  return WRITTEN_AS_PATH.test(text) ? { kind: 'path', path: text } : undefined;
}

function parseUrl(text: string, endpoint: string | undefined): ModelName {
  if (!URL.canParse(text)) {
    throw new BitnetError('source/bad-url', `${shown(text)}: this is no URL that can be read`);
  }
  const url = new URL(text);
  const path = pathOnHub(url, endpoint);
  return path === undefined ? { kind: 'url', url } : fromHubPath(text, path);
}

/** The part of a URL behind the hub's address, or undefined for a URL elsewhere. */
function pathOnHub(url: URL, endpoint: string | undefined): readonly string[] | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  const parts = (path: string) => path.split('/').filter((part) => part !== '');
  const own = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (own !== undefined && url.host === own.host) {
    const prefix = parts(own.pathname);
    const path = parts(url.pathname);
    return prefix.every((part, i) => path[i] === part) ? path.slice(prefix.length) : undefined;
  }
  return HUB_HOSTS.includes(url.host) ? parts(url.pathname) : undefined;
}

/** `owner/name`, alone or with `tree`, `blob` or `resolve`, a revision and a file. */
function fromHubPath(text: string, encoded: readonly string[]): HubModel {
  const path = encoded.map(decoded);
  const [owner = '', name = '', view, ...rest] = path;
  const isModel = path.length >= 2 && !/^(?:datasets|spaces|collections|papers|docs|blog)$/.test(owner);
  if (isModel && (view === undefined || /^(?:tree|blob|resolve|raw)$/.test(view))) {
    // `refs/pr/1` is a revision of three parts.
    const length = rest[0] === 'refs' ? 3 : 1;
    const revision = rest.slice(0, length).join('/');
    const file = rest.slice(length).join('/');
    const model = hubModel(
      text,
      `${owner}/${name}${revision === '' || revision === 'main' ? '' : `@${revision}`}` +
        (file.toLowerCase().endsWith('.gguf') ? `:${file}` : ''),
    );
    if (model !== undefined) return model;
  }
  throw new BitnetError(
    'hub/bad-name',
    `${shown(text)}: this is no model of the hub; its page has an address such as https://huggingface.co/owner/name`,
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A model of the hub as written, without what the catalogue knows; undefined for what is no such name. */
function hubModel(label: string, text: string): HubModel | undefined {
  const groups = REPOSITORY.exec(text)?.groups;
  const repository = groups?.repository;
  // Rules of the hub: 96 characters, no `--` and `..`, which would also leave the cache's folders.
  if (repository === undefined || repository.length > 96 || /--|\.\.|[.-](?:\/|$)/.test(repository)) {
    return undefined;
  }
  const { revision, file } = groups ?? {};
  const isOutside = [revision, file].some((path) => path?.split('/').some((part) => /^\.*$/.test(part)));
  if (isOutside) return undefined;
  return { kind: 'hub', label, repository, revision, file, entry: undefined, published: undefined };
}

/** Adds what the catalogue knows of a repository. */
function withEntry(model: HubModel, catalogue: Catalogue): HubModel {
  const found = findByRepository(catalogue, model.repository, model.file);
  if (found === undefined) return model;
  if ('refused' in found) throw unsupported(model.label, found);
  const { entry, published } = found;
  // The catalogue's lengths and hashes are of the branch that it names.
  const isSame = model.revision === undefined || model.revision === published.revision;
  return { ...model, repository: published.repository, entry, published: isSame ? published : undefined };
}

function fromFound(label: string, found: Found): HubModel {
  if ('refused' in found) throw unsupported(label, found);
  const { entry, published } = found;
  const { repository, revision, path: file } = published;
  return { kind: 'hub', label, repository, revision, file, entry, published };
}

function unsupported(label: string, { refused }: Extract<Found, { refused: unknown }>): BitnetError {
  return new BitnetError(
    'hub/unsupported',
    `${shown(label)}: ${refused.title} does not run here: ${refused.unsupported}; \`bitnet models\` lists what does`,
  );
}

function unknownName(text: string, { catalogue, moreNames = [] }: Surroundings): BitnetError {
  const near = nearNames(catalogue, text.split(':', 1)[0] ?? text, moreNames);
  const hint = near.length === 0 ? '' : `did you mean ${near.join(' or ')}? `;
  return new BitnetError(
    'hub/unknown-name',
    `there is no file, folder or model called ${shown(text)}; ${hint}\`bitnet models\` lists the short names, and a ` +
      'repository of the hub is written owner/name',
  );
}

/** A word of the user's in a message. */
function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
