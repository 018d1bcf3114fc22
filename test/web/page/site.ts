/**
 * The built pages on hosts of all kinds, for tests that drive them: one that knows nothing, one that sends the headers of
 * isolation, and one that passes on to a server what it does not have. Each can be shut and opened again, and can change
 * what it serves.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// This file runs as build/test/web/page/site.js.
const root = fileURLToPath(new URL('../../../../', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Builds the pages as for a static host, with the probe; answers the probe's path in the folder. */
export async function buildSite(folder: string): Promise<string> {
  const { buildWeb } = (await import(pathToFileURL(join(root, 'web', 'build.mjs')).href)) as {
    buildWeb(folder: string, isWhole: boolean, more: Record<string, string>): Promise<void>;
  };
  await buildWeb(folder, true, { probe: join(root, 'test', 'web', 'page', 'probe.mjs') });
  const assets = await readdir(join(folder, 'assets'));
  return `assets/${assets.find((name) => name.startsWith('probe-'))!}`;
}

/** How a host behaves. */
export interface HostOptions {
  folder: string;
  /** Where the pages are, with a slash at both ends. */
  path: string;
  /** Sends COOP and COEP. */
  isIsolated?: boolean;
  /** Origin of a server that answers for what is not in the folder. */
  upstream?: string;
}

/** A running host. */
export interface Host {
  /** Address of the pages. */
  readonly url: string;
  /** May be changed at any time. */
  readonly options: HostOptions;
  /** Nobody answers from now on. */
  shut(): Promise<void>;
  /** Answers again, at the same address. */
  open(): Promise<void>;
}

/** Starts a host on a free port of the loopback interface. */
export async function hostSite(options: HostOptions): Promise<Host> {
  const server = createServer((incoming, response) => {
    answer(options, incoming, response).catch(() => response.writeHead(500).end());
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${options.path}`,
    options,
    open: () => listen(port),
    shut: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { folder, path, isIsolated, upstream }: HostOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://localhost');
  if (isIsolated) {
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
  }
  const name = pathname.startsWith(path) ? normalize(pathname.slice(path.length)) : undefined;
  const file = name && join(folder, name.endsWith('/') || name === '.' ? join(name, 'index.html') : name);
  const size = file && (await stat(file).catch(() => undefined))?.size;
  if (file !== undefined && size !== undefined) {
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': size, 'cache-control': 'no-cache' });
    createReadStream(file).pipe(response);
  } else if (upstream !== undefined) {
    const { method, headers } = incoming;
    const target = `${upstream}/${pathname.slice(path.length)}`;
    const passed = request(
      target,
      { method, agent: false, headers: { ...headers, host: new URL(upstream).host, connection: 'close' } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    incoming.pipe(passed);
  } else {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html><p>Not found');
  }
}
