// @ts-check
/** `globalThis.start(job)` makes the model in a page and says what runs; `globalThis.step()` answers with a loss. */

/** @type {any} */
const { tf } = globalThis;

/** @param {string} path */
const bytesOf = async (path) => (await fetch(path)).arrayBuffer();

/** @param {{ task: import('../transformer.js').Task, threads: number }} job */
async function start({ task, threads }) {
  const address = '/transformer.js';
  const { createTransformer } = await import(address);
  tf.wasm.setWasmPaths('/tfjs/');
  tf.wasm.setThreadsCount(threads);
  await tf.setBackend('wasm');
  const weights = new Float32Array(await bytesOf('/weights'));
  const rows = new Int32Array(await bytesOf('/rows'));
  /** @type {any} */ (globalThis).step = createTransformer(tf, task, weights, rows);
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? ', SIMD' : '';
  return `${tf.version.tfjs} ${tf.getBackend()}${simd}, ${tf.wasm.getThreadsCount()} threads`;
}

/** @type {any} */ (globalThis).start = start;
