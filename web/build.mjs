#!/usr/bin/env node
// @ts-check
/**
 * Builds the pages of web/ with Vite, for `bitnet serve` and for any static host: into dist/web/, or into the folder that is
 * named (`npm run build:web -- site`), which is emptied first. Addresses inside are relative, so the pages work under any
 * path, and each page carries its content policy, since static hosts send none. Needs dist/ to be built.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { WEB_PAGES } from '../scripts/freshness.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const web = join(root, 'web');

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
 */
export async function buildWeb(folder) {
  const { PAGE_POLICY } = await import('../dist/server/pages/page-headers.js');
  await build({
    root: web,
    base: './',
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    plugins: [contentPolicy(PAGE_POLICY)],
    worker: { format: 'es' },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2022',
      // A data: address would need a wider policy, and bytes in the script load later than beside it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: {
          chat: join(web, 'index.html'),
          ...Object.fromEntries(WEB_PAGES.map((page) => [page, join(web, page, 'index.html')])),
        },
      },
    },
  });
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
    await buildWeb(outputFolder(process.argv[2]));
  } catch (error) {
    process.stderr.write(`web/build: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
