/**
 * The web pages: `/can-run/`, and the scripts, styles and kernels that they load from `/assets/`. They hold nothing of this
 * server's, so they need no API key. All addresses inside are relative: it works behind a proxy under any path.
 */
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';
import { errorResponse } from '../http/error-response.ts';
import type { ServerEnvironment, ServerRequest } from '../server-context.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { type FindFile, type SiteFile, siteFiles } from './site-files.ts';

/** dist/web/, seen from dist/server/pages/. */
const BUILT_SITE = fileURLToPath(new URL('../../web/', import.meta.url));

const PAGES = ['can-run'];

/** True for the paths of the pages and of what they load. */
export function isPagePath(path: string): boolean {
  const [first, ...rest] = path.split('/').slice(1);
  return PAGES.includes(first!) || (first === 'assets' && rest.length === 1);
}

/**
 * Adds the routes.
 *
 * @param folder the built site; for tests
 */
export function addPageRoutes(app: Hono<ServerEnvironment>, folder: string = BUILT_SITE): void {
  const find = siteFiles(folder);
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
    vary: 'accept-encoding',
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
