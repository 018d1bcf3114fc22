// @ts-check
/** The documents of a JSONL file, and their tokens as training has them. */
import { readFileSync } from 'node:fs';

/** @typedef {import('bitnet.ts').Model} Model */
/** @typedef {import('./documents.mjs').Document} Document */

/**
 * @param {string} file
 * @returns {Generator<Document>}
 */
export function* readDocuments(file) {
  const text = readFileSync(file, 'utf8');
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    yield JSON.parse(text.slice(start, end === -1 ? text.length : end));
    start = end === -1 ? text.length : end + 1;
  }
}

/**
 * The tokens of a document, with those that begin and end it.
 *
 * @param {Model} model
 * @param {Document} document
 * @returns {number[]}
 */
export function tokensOf(model, document) {
  if ('messages' in document) return model.encodeChat(document.messages, { addGenerationPrompt: false });
  const { eosId } = model.tokenizer;
  return [...model.tokenize(document.text, { addBos: true }), ...(eosId === undefined ? [] : [eosId])];
}
