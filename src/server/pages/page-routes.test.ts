import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import type { ServerEnvironment } from '../server-context.ts';
import { addPageRoutes, isPagePath } from './page-routes.ts';

const PAGE = `<!doctype html>${'<p>fits</p>'.repeat(50)}`;
const folder = mkdtempSync(join(tmpdir(), 'bitnet-pages-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'site', 'can-run'), { recursive: true });
mkdirSync(join(folder, 'site', 'assets'));
writeFileSync(join(folder, 'site', 'can-run', 'index.html'), PAGE);
writeFileSync(join(folder, 'site', 'assets', 'judge-1.js'), 'x');
writeFileSync(join(folder, 'site', 'assets', 'kernels.wasm'), new Uint8Array(8));
writeFileSync(join(folder, 'site', 'assets', 'notes.exe'), 'no type');
writeFileSync(join(folder, 'site', 'index.html'), '<!doctype html><p>chat</p>');
writeFileSync(join(folder, 'site', 'service-worker.js'), 'keep()');
writeFileSync(join(folder, 'site', 'manifest.webmanifest'), '{}');
writeFileSync(join(folder, 'site', 'icon-192.png'), new Uint8Array(8));
writeFileSync(join(folder, 'secret.js'), 'outside');

function appOn(site: string): Hono<ServerEnvironment> {
  const app = new Hono<ServerEnvironment>();
  addPageRoutes(app, site);
  return app;
}
const app = appOn(join(folder, 'site'));
const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });

test('the page comes with the headers that isolate it and that forbid what is not its own', async () => {
  const response = await get('/can-run/');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), PAGE);
  const { headers } = response;
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(headers.get('content-length'), String(PAGE.length));
  assert.equal(headers.get('cache-control'), 'no-cache');
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
  assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe-inline|'unsafe-eval'|\*|https?:/);
});

test('browsers get the chat page at the root, programs what was there before', async () => {
  const html = 'text/html,application/xhtml+xml,*/*;q=0.8';
  const page = await get('/', { accept: html });
  assert.equal(await page.text(), '<!doctype html><p>chat</p>');
  assert.equal(page.headers.get('cross-origin-embedder-policy'), 'require-corp');
  assert.match(page.headers.get('vary') ?? '', /\baccept\b/);
  const beside = appOn(join(folder, 'site'));
  beside.get('/', (c) => c.text('Ollama is running'));
  for (const accept of [undefined, '*/*', 'application/json']) {
    const response = await beside.request('/', { headers: accept === undefined ? {} : { accept } });
    assert.equal(await response.text(), 'Ollama is running');
    assert.match(response.headers.get('vary') ?? '', /\baccept\b/);
  }
  assert.match(await (await beside.request('/', { headers: { accept: html } })).text(), /chat/);
});

test('what makes the page work offline keeps its names, and is asked for anew each time', async () => {
  for (const [path, type] of [
    ['/service-worker.js', 'text/javascript; charset=utf-8'],
    ['/manifest.webmanifest', 'application/manifest+json'],
    ['/icon-192.png', 'image/png'],
    ['/models/tales.i2_s.gguf', 'application/octet-stream'],
  ] as const) {
    const response = await get(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get('content-type'), type);
    assert.equal(response.headers.get('cache-control'), 'no-cache');
  }
  const model = new Uint8Array(await (await get('/models/tales.i2_s.gguf')).arrayBuffer());
  assert.equal(new TextDecoder().decode(model.subarray(0, 4)), 'GGUF');
  assert.equal((await get('/models/recipe.json')).status, 404);
});

test('its address without a slash leads to the page, also behind a path', async () => {
  const response = await get('/can-run?context=512');
  assert.equal(response.status, 308);
  const location = response.headers.get('location') ?? '';
  assert.equal(location, 'can-run/?context=512');
  assert.equal(
    new URL(location, 'https://x.example/ai/can-run').href,
    'https://x.example/ai/can-run/?context=512',
  );
});

test('assets have their types and may be kept for ever', async () => {
  const script = await get('/assets/judge-1.js');
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.match(script.headers.get('cache-control') ?? '', /immutable/);
  assert.equal(script.headers.get('cross-origin-embedder-policy'), 'require-corp');
  assert.equal((await get('/assets/kernels.wasm')).headers.get('content-type'), 'application/wasm');
});

test('what is compressed is what was asked for, and only then', async () => {
  const response = await get('/can-run/', { 'accept-encoding': 'br, gzip;q=0.8' });
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal(response.headers.get('vary'), 'accept, accept-encoding');
  assert.equal(gunzipSync(await response.arrayBuffer()).toString(), PAGE);
  for (const accepted of ['', 'br', 'gzip;q=0', 'xgzip']) {
    const plain = await get('/can-run/', { 'accept-encoding': accepted });
    assert.equal(plain.headers.get('content-encoding'), null, accepted);
  }
  const small = await get('/assets/judge-1.js', { 'accept-encoding': 'gzip' });
  assert.equal(small.headers.get('content-encoding'), null, 'gzip would make it longer');
});

test('a page that the browser has already is not sent again', async () => {
  const { headers } = await get('/can-run/');
  const tag = headers.get('etag') ?? '';
  assert.match(tag, /^"[\w-]+"$/);
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
    const response = await get('/can-run/', { 'if-none-match': known });
    assert.equal(response.status, 304, known);
    assert.equal(await response.text(), '');
    assert.equal(response.headers.get('cross-origin-embedder-policy'), 'require-corp');
  }
  assert.equal((await get('/can-run/', { 'if-none-match': '"other"' })).status, 200);
});

test('nothing but files of the site is found', async () => {
  for (const name of ['absent.js', 'notes.exe', '..%2f..%2fsecret.js', '..%2fcan-run%2findex.html', '%00']) {
    const response = await get(`/assets/${name}`);
    assert.equal(response.status, 404, name);
    assert.match(await response.text(), /there is no assets\//);
  }
});

test('where the pages were not built, the answer says how to build them', async () => {
  const response = await appOn(join(folder, 'nowhere')).request('/can-run/');
  assert.equal(response.status, 404);
  assert.match(await response.text(), /npm run build:web/);
});

test('only the paths of pages are open to everybody', () => {
  const open = [
    '/',
    '/can-run',
    '/can-run/',
    '/assets/x.js',
    '/service-worker.js',
    '/models/tales.i2_s.gguf',
  ];
  for (const path of open) assert.ok(isPagePath(path), path);
  for (const path of [
    '/v1/models',
    '/models',
    '/models/recipe.json',
    '/can-run.js',
    '/assets',
    '/assets/a/b',
    '/can-running',
    '/api/can-run',
    '/stats',
  ]) {
    assert.ok(!isPagePath(path), path);
  }
});
