/** The compiled module, where there is one for this system, and which of its variants this processor runs. */
import { nativeModule } from '#platform';
import { NATIVE_VARIANTS, type NativeVariant } from '../backend-name.ts';
import { NATIVE_INTERFACE, type NativeExports } from './exports.ts';

/** The module, a sentence on why there is none, or undefined in surroundings that have no such modules. */
export function loadNative(): NativeExports | string | undefined {
  const loaded = nativeModule();
  if (loaded === undefined) return undefined;
  if ('reason' in loaded) return loaded.reason;
  const native = loaded.exports as NativeExports;
  if (native.interfaceVersion === NATIVE_INTERFACE) return native;
  return 'the compiled module is of another version of bitnet.ts; build it again (npm run build:native) or remove it';
}

/** Variants that run here, the fastest first, or a sentence on why none does. */
export function usableVariants(): readonly NativeVariant[] | string | undefined {
  const native = loadNative();
  if (typeof native !== 'object') return native;
  const all = native.variants();
  const usable = all.filter(({ missing }) => missing === '').map(({ name }) => name);
  return usable.length > 0 ? usable : `this processor lacks ${all.at(-1)!.missing}`;
}

/** Why a variant cannot run here, or undefined when it can. */
export function variantFault(name: NativeVariant): string | undefined {
  const native = loadNative();
  if (native === undefined) return 'there are no native kernels in a browser';
  if (typeof native === 'string') return native;
  const variant = native.variants().find((known) => known.name === name);
  if (variant === undefined) return 'the compiled module for this system does not have it';
  return variant.missing === '' ? undefined : `this processor lacks ${variant.missing}`;
}

/** True for the name of a native variant. */
export function isNativeVariant(name: string): name is NativeVariant {
  return (NATIVE_VARIANTS as readonly string[]).includes(name);
}
