/**
 * Finds and loads the compiled kernels, for Node.js: the file that BITNET_NATIVE names, else the one built here
 * (dist/native/), else the one that came with the package (prebuilds/). What it offers is src/kernels/native/'s to know.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A loaded module of compiled code, or the reason why there is none. */
export type NativeModule = { readonly exports: unknown } | { readonly reason: string };

let loaded: NativeModule | undefined;

/** The compiled kernels, looked for once; undefined (never here) in surroundings that have no such modules. */
export function nativeModule(): NativeModule | undefined {
  loaded ??= findModule();
  return loaded;
}

function findModule(): NativeModule {
  const target = `${process.platform}-${process.arch}`;
  const chosen = process.env.BITNET_NATIVE;
  const files = chosen
    ? [chosen]
    : ['../native/bitnet.node', `../../prebuilds/${target}/bitnet.node`].map((path) =>
        fileURLToPath(new URL(path, import.meta.url)),
      );
  const reasons: string[] = [];
  for (const file of files.filter((file) => existsSync(file))) {
    const module = { exports: {} };
    try {
      process.dlopen(module, file);
      return module;
    } catch (cause) {
      reasons.push(`${file} cannot be loaded (${cause instanceof Error ? cause.message.trim() : cause})`);
    }
  }
  if (reasons.length > 0) return { reason: reasons.join('; ') };
  return {
    reason: chosen
      ? `there is no file ${chosen}, which BITNET_NATIVE names`
      : `there is no compiled module for ${target}`,
  };
}
