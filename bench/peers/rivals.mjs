// @ts-check
/**
 * Who runs against whom, on which files. Two races: in Node.js on the exact shape of BitNet b1.58 2B4T, and in a page of
 * headless Chromium on four layers of it with a small vocabulary, which 4 GiB of WebAssembly memory hold in any engine.
 * In each race the first engine is ours. All files are random models of one shape; llama.cpp knows the family only by
 * the name `bitnet`, whose SiLU costs it nothing that shows beside the products.
 */

/**
 * A file that `bitnet make-random` makes.
 *
 * @typedef {{ type: 'i2_s' | 'tq1_0' | 'tq2_0', embedding: 'f16' | 'q6_k', architecture?: string }} ModelFile
 */

/**
 * @typedef {object} Contender
 * @property {string} name as shown
 * @property {'ours' | 'node-llama' | 'browser'} engine the script of engines/ that measures it
 * @property {'ours' | 'wllama'} [inPage] which engine the page loads
 * @property {ModelFile} file
 */

/** @typedef {{ name: 'node' | 'browser', title: string, shape: string, contenders: Contender[] }} Race */

/** @type {Race[]} */
export const RACES = [
  {
    name: 'node',
    title: 'Node.js',
    shape: '2b4t',
    contenders: [
      { name: 'bitnet.ts', engine: 'ours', file: { type: 'i2_s', embedding: 'f16' } },
      llama('TQ2_0', { type: 'tq2_0', embedding: 'f16' }),
      llama('TQ1_0', { type: 'tq1_0', embedding: 'f16' }),
      llama('TQ2_0, Q6_K head', { type: 'tq2_0', embedding: 'q6_k' }),
    ],
  },
  {
    name: 'browser',
    title: 'Chromium',
    shape: 'mini',
    contenders: [
      {
        name: 'bitnet.ts, WebAssembly',
        engine: 'browser',
        inPage: 'ours',
        file: { type: 'i2_s', embedding: 'q6_k' },
      },
      {
        name: 'wllama TQ2_0',
        engine: 'browser',
        inPage: 'wllama',
        file: { type: 'tq2_0', embedding: 'q6_k', architecture: 'bitnet' },
      },
    ],
  },
];

/**
 * @param {string} what
 * @param {ModelFile} file
 * @returns {Contender}
 */
function llama(what, file) {
  return { name: `node-llama-cpp ${what}`, engine: 'node-llama', file: { ...file, architecture: 'bitnet' } };
}
