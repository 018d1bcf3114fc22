/**
 * The web pages: the chat page at `/` (for browsers alone: programs get there what Ollama answers), `/can-run/`, and the scripts,
 * styles and kernels that they load from `/assets/`; the bundled model, which the chat page runs by itself; the service
 * worker and what makes the page installable. They hold nothing of this server's, so they need no API key. All addresses
 * inside are relative: it works behind a proxy under any path.
 */
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';
import { errorResponse } from '../http/error-response.ts';
import type { ServerEnvironment, ServerRequest } from '../server-context.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { type FindFile, type SiteFile, siteFiles } from './site-files.ts';

/** dist/web/, seen from dist/server/pages/. */
const BUILT_SITE = fileURLToPath(new URL('../../web/', import.meta.url));

/** The package's own model, in models/tales/ beside dist/. */
const BUNDLED_MODEL = 'tales.i2_s.gguf';
const MODEL_FOLDER = fileURLToPath(new URL('../../../models/tales/', import.meta.url));

const PAGES = ['can-run'];
/** At the root, under names that browsers and the build agree on; they are asked for anew each time. */
const NAMED_FILES = [
  'service-worker.js',
  'manifest.webmanifest',
  'icon-192.png',
  'icon-512.png',
  'icon-maskable-512.png',
];

/** True for the paths of the pages and of what they load. */
export function isPagePath(path: string): boolean {
  const [first = '', ...rest] = path.split('/').slice(1);
  if (rest.length === 0) return first === '' || NAMED_FILES.includes(first) || PAGES.includes(first);
  return (
    PAGES.includes(first) || path === `/models/${BUNDLED_MODEL}` || (first === 'assets' && rest.length === 1)
  );
}

/**
 * Adds the routes.
 *
 * @param folder the built site; for tests
 */
export function addPageRoutes(app: Hono<ServerEnvironment>, folder: string = BUILT_SITE): void {
  const find = siteFiles(folder);
  const findModel = siteFiles(MODEL_FOLDER);
  app.get('/', async (c, next) => {
    c.header('vary', 'accept');
    if (c.req.header('accept')?.includes('text/html') !== true) return next();
    return sendFile(c, find, 'index.html', 'no-cache');
  });
  for (const file of NAMED_FILES) app.get(`/${file}`, (c) => sendFile(c, find, file, 'no-cache'));
  app.get(`/models/${BUNDLED_MODEL}`, (c) => sendFile(c, findModel, BUNDLED_MODEL, 'no-cache'));
  for (const page of PAGES) {
    // Relative, since a proxy may have put a path before it; the query stays.
    app.get(`/${page}`, (c) => c.body(null, 308, { location: `${page}/${new URL(c.req.url).search}` }));
    app.get(`/${page}/`, (c) => sendFile(c, find, `${page}/index.html`, 'no-cache'));
  }
  // The build names these after what is in them.
  app.get('/assets/:file', (c) =>
    sendFile(c, find, `assets/${c.req.param('file')}`, 'public, max-age=31536000, immutable'),
  );
}

async function sendFile(c: ServerRequest, find: FindFile, path: string, caching: string): Promise<Response> {
  const file = await find(path);
  if (file === undefined) return notFound(c, path);
  const { bytes, isGzipped } = bodyFor(file, c.req.header('accept-encoding'));
  const tag = `"${file.tag}${isGzipped ? '-gzip' : ''}"`;
  const headers = {
    ...PAGE_HEADERS,
    'cache-control': caching,
    etag: tag,
    vary: 'accept, accept-encoding',
  };
  const known = (c.req.header('if-none-match') ?? '').split(/\s*,\s*/);
  if (known.some((entry) => entry.replace(/^W\//, '') === tag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(bytes, {
    headers: {
      ...headers,
      'content-type': file.type,
      'content-length': String(bytes.length),
      ...(isGzipped && { 'content-encoding': 'gzip' }),
    },
  });
}

function bodyFor(file: SiteFile, accepted = ''): { bytes: Uint8Array<ArrayBuffer>; isGzipped: boolean } {
  const takesGzip = accepted.split(',').some((entry) => {
    const [name, ...parameters] = entry.trim().split(/\s*;\s*/);
    return name === 'gzip' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
  if (takesGzip && file.gzipped !== undefined) return { bytes: file.gzipped, isGzipped: true };
  return { bytes: file.bytes, isGzipped: false };
}

function notFound(c: ServerRequest, path: string): Response {
  const message = path.startsWith('assets/')
    ? `there is no ${path.slice(0, 100)} here`
    : 'the pages were not built; npm run build:web builds them';
  return errorResponse(c.req.path, c.get('requestId'), { status: 404, code: 'not_found', message });
}
