#!/usr/bin/env node
// @ts-check
/**
 * Checks that the documentation points at things that exist: relative links and their headings, paths of this repository
 * in backticks or code blocks, and the npm scripts that are named. Reads every .md file. Prints one `file:line: sentence`
 * per dead end and fails if there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SKIPPED = new Set(['.git', 'node_modules', 'dist', 'build']);
/** Built on demand; a path into them need not exist in a fresh clone. */
const BUILT = /^(dist|build|node_modules)(\/|$)/;
const SOURCE_NAME = /^\w[\w./-]*\.(ts|mts|mjs|cjs)$/;

const files = listFiles('');
const folders = new Set(files.flatMap(parentsOf));
const topFolders = new Set([...folders].filter((folder) => !folder.includes('/')));
/** @type {{ name: string, scripts: Record<string, string> }} */
const { name: packageName, scripts: npmScripts } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
/** @type {string[]} */
const faults = [];

/**
 * @param {string} folder relative to the root, '' for the root itself
 * @returns {string[]} the files under it, with forward slashes
 */
function listFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : listFiles(path);
    return [path];
  });
}

/** @param {string} file */
function parentsOf(file) {
  const parts = file.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** @param {string} path relative to the root */
function isThere(path) {
  const plain = path.replace(/\/$/, '');
  return plain === '.' || files.includes(plain) || folders.has(plain) || BUILT.test(plain);
}

/**
 * @param {string} file the document
 * @param {string} target what a link points at, without a scheme
 * @returns {string | undefined} what is wrong with it
 */
function faultOfLink(file, target) {
  const [path = '', heading] = decodeURIComponent(target).split('#');
  const full = path === '' ? file : posix.join(posix.dirname(file), path);
  if (!isThere(full)) return `the link to ${target} points to nothing`;
  if (heading === undefined || !full.endsWith('.md')) return undefined;
  return headingsOf(full).has(heading) ? undefined : `${full} has no heading #${heading}`;
}

/**
 * The anchors of a document, as GitHub makes them.
 *
 * @param {string} file
 */
function headingsOf(file) {
  const titles = readFileSync(join(root, file), 'utf8').matchAll(/^#{1,6} +(.+?) *$/gm);
  return new Set(
    [...titles].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

/**
 * @param {string} file the document
 * @param {string} text a word in backticks or in a code block
 * @returns {string | undefined} what is wrong with it, when it is a path of this repository
 */
function faultOfPath(file, text) {
  const path = text.replace(/[.,;:]+$/, '').replace(/:\d+(-\d+)?$/, '');
  const first = path.slice(0, path.indexOf('/'));
  const isInside = path.includes('/') && topFolders.has(first) && /^[\w./*-]+$/.test(path);
  if (isInside) {
    const known = path.includes('*') ? posix.dirname(path.slice(0, path.indexOf('*') + 1)) : path;
    return isThere(known) ? undefined : `there is no ${path}`;
  }
  if (path === packageName || !SOURCE_NAME.test(path)) return undefined;
  if (/^\.\.?\//.test(path) || BUILT.test(path)) return undefined;
  const isNamed = files.some((other) => other === path || other.endsWith(`/${path}`));
  return isNamed || existsSync(join(root, posix.dirname(file), path))
    ? undefined
    : `no file is called ${path}`;
}

/** @param {string} file */
function checkDocument(file) {
  let inBlock = false;
  for (const [index, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    /** @param {string | undefined} fault */
    const report = (fault) => {
      if (fault !== undefined) faults.push(`${file}:${index + 1}: ${fault}`);
    };
    for (const [, name = ''] of line.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)) {
      if (!Object.hasOwn(npmScripts, name)) report(`package.json has no script "${name}"`);
    }
    if (/^\s*(```|~~~)/.test(line)) {
      inBlock = !inBlock;
      continue;
    }
    const codes = inBlock ? [line] : [...line.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
    for (const code of codes) {
      for (const word of code.split(/[\s"'(),]+/)) report(faultOfPath(file, word));
    }
    if (inBlock) continue;
    for (const [, target = ''] of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)/g)) {
      if (!/^[a-z][a-z+.-]*:/i.test(target)) report(faultOfLink(file, target));
    }
  }
}

const documents = files.filter((file) => file.endsWith('.md'));
for (const file of documents) checkDocument(file);
for (const fault of faults) process.stdout.write(`${fault}\n`);
if (faults.length > 0) {
  process.stdout.write(`${faults.length} dead ends in the documentation\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(`${documents.length} documents point at what exists\n`);
}
