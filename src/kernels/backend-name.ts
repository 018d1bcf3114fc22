/** What backends are called: by callers, on the command line, and in statistics. */

/** The native kernels by instruction set, the fastest of each processor family first. */
export const NATIVE_VARIANTS = [
  'native-avx512-vbmi',
  'native-avx512',
  'native-avx-vnni',
  'native-avx2',
  'native-i8mm',
  'native-dotprod',
  'native-neon',
] as const;
/** One of {@link NATIVE_VARIANTS}. */
export type NativeVariant = (typeof NATIVE_VARIANTS)[number];

/** Backends that run, by their own names. */
export type RunningBackend = NativeVariant | 'wasm-relaxed' | 'wasm-simd' | 'reference';

/**
 * Names that a caller may ask for. `native` is the best variant of this processor, `wasm` the best WebAssembly build; both
 * have to pass their self-test here.
 */
export type BackendName = RunningBackend | 'native' | 'wasm';
