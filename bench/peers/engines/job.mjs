// @ts-check
/** What a round is told on its command line, and how it answers: a line of JSON at the end of its output. */

/** Tokens before a generation, as in `bitnet bench`. */
export const SHORT_PROMPT = 16;

/**
 * @typedef {object} Job
 * @property {string} model path of the file
 * @property {number[]} prompts lengths in tokens
 * @property {number} generate tokens
 * @property {number} threads
 * @property {string} [backend] of ours
 * @property {'ours' | 'wllama'} [inPage]
 */

/**
 * Tokens per second: prompts by length, and generation. `note` says what ran.
 *
 * @typedef {{ prompts: Record<string, number>, generate: number, note: string }} Round
 */

/** @returns {Job} */
export function job() {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** @param {Round} round */
export function answer(round) {
  process.stdout.write(`\n${JSON.stringify(round)}\n`);
}
