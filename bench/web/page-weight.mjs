#!/usr/bin/env node
// @ts-check
/**
 * What the built chat page makes a browser load: the scripts of its first load (the module of the page, what that imports
 * statically, and what is preloaded), those of the workers that run a model on this device, which a static site starts at once,
 * and those that are loaded when they are needed. Sizes are gzip's, as `bitnet serve` sends them. Fails when the first two
 * together are above the bound. Needs `npm run build:web`.
 *
 *   node bench/web/page-weight.mjs [FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 150_000;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const site = process.argv[2] ?? join(root, 'dist', 'web');

/** `import … from './x.js'` and `import './x.js'`, without `import('./x.js')`. */
const STATIC_IMPORT = /\b(?:import|export)\s*(?:[\w$*{}\s,]+?\s*from\s*)?["'](\.{1,2}\/[^"']+)["']/g;

/** Scripts that are named as files beside this one, as the build writes workers. */
const WORKER = /new URL\(["'`]([\w.-]+\.js)["'`],\s*import\.meta\.url\)/g;

/** @param {string} html */
function scriptsOf(html) {
  const tags = [...html.matchAll(/<(?:script|link)\b[^>]*>/g)].map(([tag]) => tag);
  return tags.flatMap((tag) => {
    if (!tag.startsWith('<script') && !tag.includes('modulepreload')) return [];
    return /\b(?:src|href)="([^"]+)"/.exec(tag)?.[1] ?? [];
  });
}

/** The scripts, and all that they import statically. @param {readonly string[]} entries paths */
function withImports(entries) {
  const found = new Set(entries);
  for (const path of found) {
    for (const [, address] of readFileSync(path, 'utf8').matchAll(STATIC_IMPORT)) {
      found.add(join(dirname(path), /** @type {string} */ (address)));
    }
  }
  return found;
}

/** The workers that scripts start, those that they start in turn, and all that these import. @param {Iterable<string>} scripts */
function workersOf(scripts) {
  const found = new Set(scripts);
  for (const path of found) {
    for (const [, address] of readFileSync(path, 'utf8').matchAll(WORKER)) {
      const worker = join(dirname(path), /** @type {string} */ (address));
      for (const part of withImports([worker])) found.add(part);
    }
  }
  return found;
}

/** @param {Iterable<string>} paths */
function sizes(paths) {
  return [...paths]
    .map((path) => {
      const bytes = readFileSync(path);
      return { name: relative(site, path), bytes: bytes.length, gzipped: gzipSync(bytes).length };
    })
    .sort((a, b) => b.gzipped - a.gzipped);
}

/** @param {string} title @param {ReturnType<typeof sizes>} rows */
function print(title, rows) {
  const total = rows.reduce((sum, { gzipped }) => sum + gzipped, 0);
  const lines = rows.map(
    ({ name, bytes, gzipped }) => `  ${name.padEnd(44)} ${text(gzipped)}  (${text(bytes)} unpacked)`,
  );
  process.stdout.write(`${[`${title}: ${text(total).trim()}`, ...lines].join('\n')}\n\n`);
  return total;
}

/** @param {number} bytes */
function text(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
}

const first = withImports(
  scriptsOf(readFileSync(join(site, 'index.html'), 'utf8')).map((path) => join(site, path)),
);
const ofOtherPages = withImports(
  scriptsOf(readFileSync(join(site, 'can-run', 'index.html'), 'utf8')).map((path) =>
    join(site, 'can-run', path),
  ),
);
const ofDevice = workersOf(first);
const others = readdirSync(join(site, 'assets'))
  .filter((name) => name.endsWith('.js'))
  .map((name) => join(site, 'assets', name))
  .filter((path) => !ofDevice.has(path) && !ofOtherPages.has(path));

const ofWorkers = [...ofDevice].filter((path) => !first.has(path));
const total =
  print('First load', sizes(first)) + print('Workers that run a model on this device', sizes(ofWorkers));
print('When needed', sizes(others));
if (total > MOST_BYTES) {
  process.stderr.write(`the first load with its workers is above ${text(MOST_BYTES).trim()}\n`);
  process.exitCode = 1;
}
