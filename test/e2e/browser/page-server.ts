/** A small file server for pages that load a model, in the browser test and in `npm run bench:peers`. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** A running server; `close` ends it. */
export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** The file of a bundle in `folder` that a path of its addresses means. */
export function bundledFile(folder: string, pathname: string): string {
  return join(folder, pathname === '/' ? 'index.html' : normalize(pathname));
}

/**
 * Serves files on a free port of the loopback interface.
 *
 * @param fileOf the path of the file behind a path of an address; it need not exist
 * @param isIsolated whether pages get the headers that allow SharedArrayBuffer, and with it threads
 */
export async function servePages(
  fileOf: (pathname: string) => string,
  isIsolated: boolean,
): Promise<PageServer> {
  const server = createServer((request, response) => {
    if (isIsolated) {
      response.setHeader('cross-origin-opener-policy', 'same-origin');
      response.setHeader('cross-origin-embedder-policy', 'require-corp');
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    sendFile(fileOf(pathname), request, response).catch(() => {
      response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function sendFile(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size } = await stat(file);
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.setHeader('accept-ranges', 'bytes');
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = asked ? Number(asked[1]) : 0;
  const end = asked?.[2] ? Math.min(Number(asked[2]), size - 1) : size - 1;
  if (asked) response.setHeader('content-range', `bytes ${start}-${end}/${size}`);
  response.writeHead(asked ? 206 : 200, { 'content-length': end - start + 1 });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file, { start, end }).pipe(response);
}
