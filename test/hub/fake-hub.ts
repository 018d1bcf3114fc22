/**
 * A hub on this machine that answers as huggingface.co does: the API's listing in pages, `resolve` with the headers
 * X-Repo-Commit, X-Linked-Etag and X-Linked-Size and a redirect of large files to another host with a signed address that
 * runs out, refusals with their X-Error-Code. The "other host" is a second port. Tests make things go wrong with `faults`.
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BodySender, Faults } from './fake-bodies.ts';
import {
  type FakeCommit,
  type FakeFile,
  FakeRepository,
  type FakeRepositoryOptions,
  modelInfo,
  treeEntries,
} from './fake-repository.ts';

/** A request that came in. */
export interface SeenRequest {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** How the hub is set up. */
export interface FakeHubOptions {
  /** Path before everything, as of a mirror: `/mirror`. */
  readonly prefix?: string;
  /** Entries of a page of a listing; 1000 as on the hub. */
  readonly pageLength?: number;
  /** How long an address on the CDN is good for; an hour as on the hub. */
  readonly linkLifeMs?: number;
}

const HOUR_MS = 3_600_000;

/** The hub; {@link FakeHub.start} it and close it. */
export class FakeHub {
  readonly faults: Faults = new Faults();
  readonly requests: SeenRequest[] = [];
  /** Tokens that are some account's. */
  readonly tokens = new Set<string>();
  linkLifeMs: number;
  readonly #repositories = new Map<string, FakeRepository>();
  readonly #sender: BodySender = new BodySender(this.faults);
  readonly #links = new Map<string, { file: FakeFile; until: number }>();
  readonly #prefix: string;
  readonly #pageLength: number;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor(options: FakeHubOptions) {
    this.#prefix = options.prefix ?? '';
    this.#pageLength = options.pageLength ?? 1000;
    this.linkLifeMs = options.linkLifeMs ?? HOUR_MS;
    this.#hub = this.#serverOf('hub', (request, response) => this.#answer(request, response));
    this.#cdn = this.#serverOf('cdn', (request, response) => this.#answerCdn(request, response));
  }

  static async start(options: FakeHubOptions = {}): Promise<FakeHub> {
    const hub = new FakeHub(options);
    for (const server of [hub.#hub, hub.#cdn]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return hub;
  }

  /** For HF_ENDPOINT. */
  get endpoint(): string {
    return `http://127.0.0.1:${portOf(this.#hub)}${this.#prefix}`;
  }

  /** Adds a repository with one commit. */
  add(
    name: string,
    files: Readonly<Record<string, string | Uint8Array>>,
    options: FakeRepositoryOptions = {},
  ): FakeRepository {
    const repository = new FakeRepository(name, options);
    repository.commit(files);
    this.#repositories.set(name.toLowerCase(), repository);
    return repository;
  }

  /** Bytes sent of a file, or of all. */
  servedBytes(path?: string): number {
    const { served } = this.#sender;
    if (path !== undefined) return served.get(path) ?? 0;
    return [...served.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Forgets what came in and what was sent. */
  forget(): void {
    this.requests.length = 0;
    this.#sender.served.clear();
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  #serverOf(
    name: 'hub' | 'cdn',
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ): Server {
    return createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      const { range, authorization } = headers;
      this.requests.push({ server: name, method, url, range, authorization });
      response.on('error', () => {});
      // As on the hub, pages of any origin may read.
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Access-Control-Expose-Headers', 'X-Error-Code, Content-Range, ETag, Link');
      const faulty = this.faults.answers.find(
        ({ server, path = '', times }) => server === name && times > 0 && url.includes(path),
      );
      if (faulty !== undefined) {
        faulty.times--;
        response.writeHead(faulty.status, faulty.headers).end('{"error":"no luck"}');
        return;
      }
      answer(request, response).catch(() => response.destroy());
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.endpoint);
    const path = decodeURIComponent(url.pathname);
    if (!path.startsWith(`${this.#prefix}/`)) return refuse(response, 404, undefined, 'Page not found');
    const own = path.slice(this.#prefix.length);
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree|paths-info)\/(.+))?$/.exec(own);
    if (api !== null) {
      const [, name = '', kind = 'revision', rest = 'main'] = api;
      const found = this.#find(request, response, name, rest);
      return found && this.#answerApi(request, response, url, kind, found);
    }
    const file = /^\/(?:api\/resolve-cache\/models\/)?([^/]+\/[^/]+)\/(?:resolve\/)?(.+)$/.exec(own);
    const found = file === null ? undefined : this.#find(request, response, file[1]!, file[2]!);
    if (file === null) return refuse(response, 404, undefined, 'Page not found');
    return found && this.#answerFile(request, response, own.startsWith('/api/'), found);
  }

  /** The repository, the commit and the path behind it, or undefined when a refusal was sent. */
  #find(request: IncomingMessage, response: ServerResponse, name: string, rest: string): Found | undefined {
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && !this.tokens.has(token)) {
      refuse(response, 401, undefined, 'Invalid credentials in Authorization header');
      return undefined;
    }
    const repository = this.#repositories.get(name.toLowerCase());
    const { isPrivate, isGated, readers = [] } = repository?.options ?? {};
    const mayRead = token !== undefined && readers.includes(token);
    if (repository === undefined || (isPrivate && !mayRead)) {
      // Nobody is told whether a private repository is there.
      if (token === undefined) refuse(response, 401, undefined, 'Invalid username or password.');
      else refuse(response, 404, 'RepoNotFound', 'Repository not found');
      return undefined;
    }
    const isListing = request.url?.includes('/api/models/') === true;
    if (isGated && !mayRead && !isListing) {
      const text = `Access to model ${repository.name} is restricted. You must have access to it and be authenticated.`;
      refuse(response, token === undefined ? 401 : 403, 'GatedRepo', text);
      return undefined;
    }
    const revision = rest.startsWith('refs/') ? rest.split('/').slice(0, 3).join('/') : rest.split('/')[0]!;
    const commit = repository.at(revision);
    if (commit === undefined) {
      refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      return undefined;
    }
    return { repository, commit, path: rest.slice(revision.length + 1) };
  }

  async #answerApi(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    kind: string,
    { repository, commit, path }: Found,
  ): Promise<void> {
    const headers = { 'Content-Type': 'application/json; charset=utf-8', 'X-Repo-Commit': commit.id };
    if (kind === 'revision') {
      response.writeHead(200, headers).end(JSON.stringify(modelInfo(repository, commit)));
      return;
    }
    if (kind === 'paths-info') {
      const wanted = await bodyOf(request);
      const entries = treeEntries(repository, commit, '', true).filter(
        (entry) => 'path' in entry && wanted.includes(`${entry.path}`),
      );
      response.writeHead(200, headers).end(JSON.stringify(entries));
      return;
    }
    const isRecursive = /^(?:1|true)$/i.test(url.searchParams.get('recursive') ?? '');
    const entries = treeEntries(repository, commit, path, isRecursive);
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const end = start + this.#pageLength;
    if (end < entries.length) {
      const next = new URL(url);
      next.searchParams.set('cursor', String(end));
      Object.assign(headers, { Link: `<${next.href}>; rel="next"` });
    }
    response.writeHead(200, headers).end(JSON.stringify(entries.slice(start, end)));
  }

  async #answerFile(
    request: IncomingMessage,
    response: ServerResponse,
    isCached: boolean,
    { repository, commit, path }: Found,
  ): Promise<void> {
    const file = commit.files.get(path);
    const headers = { 'X-Repo-Commit': commit.id };
    if (file === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found', headers);
    if (file.sha256 !== undefined) {
      response
        .writeHead(302, {
          ...headers,
          'X-Linked-Etag': `"${file.sha256}"`,
          'X-Linked-Size': String(file.bytes.length),
          ETag: `"${createHash('md5').update(file.bytes.subarray(0, 64)).digest('hex')}"`,
          'Accept-Ranges': 'bytes',
          Location: this.#signed(file),
        })
        .end();
    } else if (isCached) {
      await this.#sender.send(request, response, path, file.bytes, { ...headers, ETag: `"${file.oid}"` });
    } else {
      // Small files are sent by another route of the same host, which the hub names without its host.
      const location = `${this.#prefix}/api/resolve-cache/models/${repository.name}/${commit.id}/${encodeURI(path)}`;
      response.writeHead(307, { ...headers, ETag: `"${file.oid}"`, Location: location }).end();
    }
  }

  #signed(file: FakeFile): string {
    const signature = randomUUID();
    this.#links.set(signature, { file, until: performance.now() + this.linkLifeMs });
    return `http://127.0.0.1:${portOf(this.#cdn)}/repos/${file.sha256}?Signature=${signature}`;
  }

  async #answerCdn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signature = new URL(request.url ?? '', 'http://cdn').searchParams.get('Signature') ?? '';
    const link = this.#links.get(signature);
    // A server of objects does not know what to make of a token, and refuses whoever sends one.
    if (request.headers.authorization !== undefined)
      return refuse(response, 400, undefined, 'InvalidArgument');
    if (link === undefined || performance.now() > link.until) {
      response
        .writeHead(403, { 'Content-Type': 'application/xml' })
        .end('<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>');
      return;
    }
    const { path, bytes, sha256 } = link.file;
    await this.#sender.send(request, response, path, bytes, { ETag: `"${sha256?.slice(0, 32)}"` });
  }
}

interface Found {
  readonly repository: FakeRepository;
  readonly commit: FakeCommit;
  readonly path: string;
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      ...(code === undefined ? {} : { 'X-Error-Code': code }),
      'X-Error-Message': message,
      ...headers,
    })
    .end(JSON.stringify({ error: message }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
