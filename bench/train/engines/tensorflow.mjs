// @ts-check
/** Steps of TensorFlow.js in Node.js: its native backend, or WebAssembly, which has one thread there (tfjs issue 3830). */
import { sep } from 'node:path';
import { distFolder, requireNative, requirePeer } from '../install.mjs';
import { createTransformer } from '../transformer.js';
import { readFloats, readInts, serve } from './serve.mjs';

serve(async ({ task, weights, rows, backend }) => {
  const tf = backend === 'tensorflow' ? requireNative('@tensorflow/tfjs-node') : await wasmBackend();
  const simd = tf.getBackend() === 'wasm' && (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
  return {
    note: `${tf.version.tfjs} ${tf.getBackend()}${simd ? ', SIMD' : ''}`,
    step: createTransformer(tf, task, readFloats(weights), readInts(rows)),
  };
});

async function wasmBackend() {
  const tf = requirePeer('@tensorflow/tfjs');
  requirePeer('@tensorflow/tfjs-backend-wasm').setWasmPaths(`${distFolder('tfjs-backend-wasm')}${sep}`);
  await tf.setBackend('wasm');
  return tf;
}
