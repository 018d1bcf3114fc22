#!/usr/bin/env node
// @ts-check
/**
 * Builds the pages of web/ with Vite, for `bitnet serve` and for any static host: into dist/web/, or into the folder that is
 * named (`npm run build:web -- site`), which is emptied first. Addresses inside are relative, so the pages work under any
 * path, and each page carries its content policy, since static hosts send none. The service worker is told all files, and a
 * folder that is named gets the bundled model too, which the server sends from where the package has it. Needs dist/ to be
 * built.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { WEB_PAGES } from '../scripts/freshness.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const web = join(root, 'web');
const MODEL = join(root, 'models', 'tales', 'tales.i2_s.gguf');
/** Where pages find it. */
const MODEL_PATH = 'models/tales.i2_s.gguf';
const SERVICE_WORKER = 'service-worker.js';
/** Files that keep their names, in web/chat/offline/. */
const NAMED_FILES = ['manifest.webmanifest', 'icon-192.png', 'icon-512.png', 'icon-maskable-512.png'];

const ENTITY_TABLE = join(root, 'node_modules', 'decode-named-character-reference', 'index.js');

/**
 * Writes the policy that the server sends as a header into the page itself.
 *
 * @param {string} policy
 * @returns {import('vite').Plugin}
 */
function contentPolicy(policy) {
  return {
    name: 'content-policy',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/**
 * Builds the pages.
 *
 * @param {string} folder where to
 * @param {boolean} isWhole with the bundled model
 * @param {Record<string, string>} more scripts that are built with the pages, by their names; for tests
 */
export async function buildWeb(folder, isWhole, more = {}) {
  const { PAGE_POLICY } = await import('../dist/server/pages/page-headers.js');
  await build({
    root: web,
    base: './',
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    plugins: [contentPolicy(PAGE_POLICY)],
    // Its build for browsers has the browser parse entities as HTML; this one has a table. Answers are never HTML.
    resolve: { alias: { 'decode-named-character-reference': ENTITY_TABLE } },
    worker: { format: 'es', rolldownOptions: { checks: { bundlerTimings: false } } },
    define: {
      BUNDLED_MODEL: JSON.stringify({ path: MODEL_PATH, title: 'Tales', bytes: statSync(MODEL).size }),
    },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2022',
      // A data: address would need a wider policy, and bytes in the script load later than beside it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        // Where the build spends its time is no warning.
        checks: { bundlerTimings: false },
        input: {
          chat: join(web, 'index.html'),
          ...Object.fromEntries(WEB_PAGES.map((page) => [page, join(web, page, 'index.html')])),
          'service-worker': join(web, 'chat', 'offline', 'service-worker.ts'),
          ...more,
        },
        output: {
          // Browsers know it by its address.
          entryFileNames: ({ name }) =>
            name === 'service-worker' ? SERVICE_WORKER : 'assets/[name]-[hash].js',
        },
      },
    },
  });
  for (const name of NAMED_FILES) copyFileSync(join(web, 'chat', 'offline', name), join(folder, name));
  if (isWhole) {
    mkdirSync(dirname(join(folder, MODEL_PATH)), { recursive: true });
    copyFileSync(MODEL, join(folder, MODEL_PATH));
  }
  tellServiceWorker(folder);
}

/**
 * Writes what there is to keep into the service worker: all files, under the addresses that pages ask for.
 *
 * @param {string} folder
 */
function tellServiceWorker(folder) {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .filter((file) => file !== SERVICE_WORKER && file !== MODEL_PATH)
    .sort();
  for (const file of [...files, MODEL_PATH]) {
    hash.update(`${file}\n`).update(readFileSync(file === MODEL_PATH ? MODEL : join(folder, file)));
  }
  const paths = [...files, MODEL_PATH].map((file) => `./${file.replace(/(^|\/)index\.html$/, '$1')}`);
  const script = join(folder, SERVICE_WORKER);
  const version = hash.digest('base64url').slice(0, 12);
  const told = readFileSync(script, 'utf8').replace(/\bKEPT_FILES\b/, JSON.stringify({ version, paths }));
  writeFileSync(script, told);
}

/** @param {string | undefined} named */
function outputFolder(named) {
  if (named === undefined) return join(root, 'dist', 'web');
  const folder = resolve(named);
  const isOurs = WEB_PAGES.some((page) => listOf(folder).includes(page));
  if (listOf(folder).length > 0 && !isOurs) {
    throw new Error(
      `${folder} holds other files, which the build would delete; name a folder that is new or empty`,
    );
  }
  return folder;
}

/** @param {string} folder */
function listOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await buildWeb(outputFolder(process.argv[2]), process.argv[2] !== undefined);
  } catch (error) {
    process.stderr.write(`web/build: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
