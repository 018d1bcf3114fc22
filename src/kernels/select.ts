/** Which backend runs: the one asked for, or the fastest that works here. */
import { BitnetError } from '../base/errors.ts';
import { type Backend, createNativeBackend, createReferenceBackend, createWasmBackend } from './backend.ts';
import { type BackendName, NATIVE_VARIANTS, type NativeVariant } from './backend-name.ts';
import type { NativeExports } from './native/exports.ts';
import { isNativeVariant, loadNative, usableVariants, variantFault } from './native/load.ts';
import { findKernelFault } from './self-test.ts';
import { loadWasmModule } from './wasm/load.ts';

/** What runs everywhere, fastest first; native kernels go before it. */
const PORTABLE = ['wasm-relaxed', 'wasm-simd', 'reference'] as const;
type Candidate = NativeVariant | (typeof PORTABLE)[number];

/** A chosen backend, and a sentence for each faster one that was passed over. */
export interface Selection {
  readonly backend: Backend;
  readonly passedOver: readonly string[];
}

/**
 * A fresh backend on an empty heap.
 *
 * @param requested a backend, `native` or `wasm` for the best of its kind, or undefined for the fastest that works
 * @param exclude names not to choose, since they failed on the model
 * @throws BitnetError `backend/unavailable` when what was asked for does not work here, `backend/unknown`
 */
export async function selectBackend(
  requested: BackendName | undefined,
  isShared: boolean,
  exclude: ReadonlySet<string> = new Set(),
): Promise<Selection> {
  const { names, reason } = candidates(requested);
  const passedOver = reason === undefined ? [] : [reason];
  for (const name of names) {
    if (exclude.has(name)) continue;
    const result = await tryBackend(name, isShared);
    if (typeof result !== 'string') return { backend: result, passedOver };
    passedOver.push(`${name}: ${result}`);
  }
  const reasons = [...passedOver, ...Array.from(exclude, (name) => `${name}: gave wrong numbers`)].join('; ');
  throw new BitnetError(
    'backend/unavailable',
    requested === undefined
      ? `no backend works here (${reasons})`
      : `the backend "${requested}" does not work here (${reasons}); leave it out to run the fastest that does`,
  );
}

/** Names to try in turn, and why native ones are not among them where they should be. */
interface Candidates {
  readonly names: readonly Candidate[];
  readonly reason?: string;
}

function candidates(requested: BackendName | undefined): Candidates {
  if (requested === undefined || requested === 'native') {
    const portable = requested === undefined ? PORTABLE : [];
    const native = usableVariants();
    if (typeof native === 'object') return { names: [...native, ...portable] };
    // In a browser nobody expects them.
    if (native === undefined && requested === undefined) return { names: portable };
    return { names: portable, reason: `native: ${native ?? 'there are no native kernels in a browser'}` };
  }
  if (requested === 'wasm') return { names: ['wasm-relaxed', 'wasm-simd'] };
  if (isNativeVariant(requested) || PORTABLE.includes(requested)) return { names: [requested] };
  throw new BitnetError(
    'backend/unknown',
    `there is no backend "${requested}"; known are native, wasm, ${[...NATIVE_VARIANTS, ...PORTABLE].join(', ')}`,
  );
}

/** The backend, or the reason why it cannot be used. */
async function tryBackend(name: Candidate, isShared: boolean): Promise<Backend | string> {
  if (name === 'reference') return createReferenceBackend(isShared);
  if (isNativeVariant(name)) return tryNative(name);
  const module = await loadWasmModule(name === 'wasm-relaxed' ? 'relaxed' : 'simd', isShared);
  if (module === undefined)
    return 'this runtime lacks its instructions; a newer one, such as Node 22, runs faster';
  return tested(createWasmBackend(name, module, isShared));
}

function tryNative(name: NativeVariant): Backend | string {
  const fault = variantFault(name);
  if (fault !== undefined) return fault;
  return tested(createNativeBackend(name, loadNative() as NativeExports));
}

function tested(backend: Backend): Backend | string {
  const fault = findKernelFault(backend);
  if (fault !== undefined) backend.dispose();
  return fault ?? backend;
}
