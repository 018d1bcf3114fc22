/**
 * The service worker of the page's folder: keeps all files of the page, the kernels and the bundled model, so that the page works
 * without a network. Files come from what is kept, which the build has named after their content; the pages themselves
 * come from the network while that answers, so that a new version is seen at the next load. Answers of a server (`/v1`,
 * `/stats`, …) never pass here.
 *
 * Responses get the headers that isolate a page where their host sends none: a static host's page has threads from its second
 * load on (HTML Standard, "cross-origin isolation").
 */

/** What the build puts here: paths from the page's folder on, a folder's page as the folder; `version` changes with any file. */
declare const KEPT_FILES: { readonly version: string; readonly paths: readonly string[] };

/** The part of ServiceWorkerGlobalScope that is used; the types for pages leave it out. */
interface ServiceWorkerScope {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: 'window' }): Promise<readonly unknown[]>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(name: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(name: 'fetch', listener: (event: FetchEvent) => void): void;
}

interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const { version, paths } = KEPT_FILES;
const scope = globalThis as unknown as ServiceWorkerScope;
const FOLDER = scope.registration.scope;
/** Another folder of the same origin may have a page of its own. */
const CACHES = `bitnet.ts ${FOLDER} `;
const CACHE = CACHES + version;
const KEPT = new Set(paths.map((path) => new URL(path, FOLDER).href));
/** How long a page is waited for before the kept one is shown. */
const PATIENCE_MILLISECONDS = 3000;
/** In each of our pages, and in no other. */
const MARK = 'name="application-name" content="bitnet.ts"';

const ISOLATION: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

scope.addEventListener('install', (event) => {
  // Pages that are open keep what they need: old files go when nobody can want them any more.
  event.waitUntil(keepAll().then(() => scope.skipWaiting()));
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(forgetOld(1).then(() => scope.clients.claim()));
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = plainAddress(request.url);
  if (!KEPT.has(url)) {
    // Files of an earlier version that an open page may still ask for.
    if (url.startsWith(`${FOLDER}assets/`)) event.respondWith(keptFile(request, url));
    return;
  }
  if (request.mode !== 'navigate') event.respondWith(keptFile(request, url));
  else {
    event.respondWith(page(request, url));
    event.waitUntil(forgetOld(0));
  }
});

async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(
    [...KEPT].map(async (url) => {
      // A server has another answer for programs at the page's address.
      const headers = { accept: url.endsWith('/') ? 'text/html' : '*/*' };
      const response = await fetch(url, { headers, cache: 'no-cache' });
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      await cache.put(url, response);
    }),
  );
}

/** Deletes what earlier versions kept, unless more than so many pages are open. */
async function forgetOld(most: number): Promise<void> {
  if ((await scope.clients.matchAll({ type: 'window' })).length > most) return;
  const names = await caches.keys();
  await Promise.all(
    names.map((name) => (name.startsWith(CACHES) && name !== CACHE ? caches.delete(name) : undefined)),
  );
}

/** A page: the network's if it is ours, else the kept one. */
async function page(request: Request, url: string): Promise<Response> {
  const given = await within(PATIENCE_MILLISECONDS, fetch(request));
  if (given === undefined || given.status >= 500) return (await kept(url)) ?? given ?? Response.error();
  if (given.status !== 200) return given;
  const text = await given
    .clone()
    .text()
    .catch(() => undefined);
  if (text === undefined) return (await kept(url)) ?? given;
  if (text.includes(MARK)) return isolated(given, text);
  // Something else has moved in at this address, as it happens at localhost: it shall have nothing of ours.
  await scope.registration.unregister();
  return given;
}

async function keptFile(request: Request, url: string): Promise<Response> {
  return (await kept(url)) ?? isolated(await fetch(request));
}

/** Of this version, or of an earlier one that an open page is of. */
async function kept(url: string): Promise<Response | undefined> {
  const options = { ignoreVary: true };
  let found = await (await caches.open(CACHE)).match(url, options);
  if (found === undefined) {
    for (const name of await caches.keys()) {
      if (name.startsWith(CACHES)) found ??= await (await caches.open(name)).match(url, options);
    }
  }
  return found && isolated(found);
}

function isolated(response: Response, body: BodyInit | null = response.body): Response {
  if (response.type === 'opaqueredirect' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) if (!headers.has(name)) headers.set(name, value);
  // The body is no longer what these were about.
  headers.delete('content-encoding');
  headers.delete('content-length');
  const { status, statusText } = response;
  return new Response([101, 204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
}

/** What a response comes to in time; undefined where it fails or is late. */
function within(milliseconds: number, response: Promise<Response>): Promise<Response | undefined> {
  return Promise.race([
    response.catch(() => undefined),
    new Promise<undefined>((resolve) => setTimeout(resolve, milliseconds)),
  ]);
}

/** The address that a file is kept under. */
function plainAddress(address: string): string {
  const url = new URL(address);
  return url.origin + url.pathname.replace(/\/index\.html$/, '/');
}
