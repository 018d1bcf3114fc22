/** The build for plain SIMD128, on memory of both kinds. */
import { selectBackend } from '#src/kernels/select.js';
import { runKernelConformance } from './kernels.ts';

for (const isShared of [true, false]) {
  runKernelConformance({
    name: 'wasm-simd',
    make: async () => (await selectBackend('wasm-simd', isShared)).backend,
  });
}
