/** Where the built pages are tried: behind `bitnet serve`'s own server, and on a static host that knows nothing of them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listen } from '#src/server/listen.js';
import { createServer, type ServerOptions } from '#src/server/server.js';
import { type PageServer, servePages } from './page-server.ts';

// This file runs as build/test/e2e/browser/page-hosts.js.
const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The built pages. */
export const SITE: string = join(root, 'dist', 'web');
/** 34 kB, with a template for conversations: for what has to be quick. */
export const TINY_MODEL: string = join(root, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
/** The model of the package. */
export const BUNDLED_MODEL: string = join(root, 'models', 'tales', 'tales.i2_s.gguf');

/** The whole server, on a free port of the loopback interface. */
export async function serveModels(options: ServerOptions, port = 0): Promise<PageServer> {
  const server = createServer(options);
  const listening = await listen(server, { port });
  return { origin: listening.urls[0]!, close: () => listening.close() };
}

/** The built pages under /some/path/ of a host that sends no headers for them. */
export function serveStatically(folder: string = SITE): Promise<PageServer> {
  return servePages((pathname) => {
    const path = pathname.replace(/^\/some\/path\//, '');
    return join(folder, path === '' || path.endsWith('/') ? `${path}index.html` : path);
  }, false);
}
