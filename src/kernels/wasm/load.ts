/**
 * Compiles the wasm builds that ship beside this file. That a runtime accepts a build does not make it usable: select.ts
 * puts it to a numeric self-test as well.
 */
import { readAsset } from '#platform';

/** The two builds of assembly/. */
export type WasmBuild = 'relaxed' | 'simd';

const compiled = new Map<string, Promise<WebAssembly.Module | undefined>>();

/** The compiled module, or undefined where this runtime does not accept it. Compiled once per process. */
export function loadWasmModule(build: WasmBuild, isShared: boolean): Promise<WebAssembly.Module | undefined> {
  const key = `${build}-${isShared}`;
  let module = compiled.get(key);
  if (module === undefined) {
    module = compile(assetUrl(build, isShared));
    compiled.set(key, module);
  }
  return module;
}

async function compile(url: URL): Promise<WebAssembly.Module | undefined> {
  const bytes = await readAsset(url);
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : undefined;
}

// Spelled out one by one: bundlers find assets by the literal form `new URL('…', import.meta.url)`.
function assetUrl(build: WasmBuild, isShared: boolean): URL {
  if (build === 'relaxed') {
    return isShared
      ? new URL('./relaxed-shared.wasm', import.meta.url)
      : new URL('./relaxed-local.wasm', import.meta.url);
  }
  return isShared
    ? new URL('./simd-shared.wasm', import.meta.url)
    : new URL('./simd-local.wasm', import.meta.url);
}
