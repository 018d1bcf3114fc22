/** Which backend runs: the one asked for, or the fastest that works here. */
import { BitnetError } from '../base/errors.ts';
import { type Backend, createReferenceBackend, createWasmBackend } from './backend.ts';
import type { BackendName } from './kernels.ts';
import { findKernelFault } from './self-test.ts';
import { loadWasmModule } from './wasm/load.ts';

/** Fastest first. */
const PREFERENCE = ['wasm-relaxed', 'wasm-simd', 'reference'] as const;
type Candidate = (typeof PREFERENCE)[number];

/** A chosen backend, and a sentence for each faster one that was passed over. */
export interface Selection {
  readonly backend: Backend;
  readonly passedOver: readonly string[];
}

/**
 * A fresh backend on an empty heap.
 *
 * @param requested a backend, `wasm` for either wasm build, or undefined for the fastest that works
 * @param exclude names not to choose, since they failed on the model
 * @throws BitnetError `backend/unavailable` when what was asked for does not work here, `backend/unknown`
 */
export async function selectBackend(
  requested: BackendName | undefined,
  isShared: boolean,
  exclude: ReadonlySet<string> = new Set(),
): Promise<Selection> {
  const passedOver: string[] = [];
  for (const name of candidates(requested)) {
    if (exclude.has(name)) continue;
    const result = await tryBackend(name, isShared);
    if (typeof result !== 'string') return { backend: result, passedOver };
    passedOver.push(`${name}: ${result}`);
  }
  const reasons = [...passedOver, ...Array.from(exclude, (name) => `${name}: gave wrong numbers`)];
  throw new BitnetError('backend/unavailable', `no backend works here (${reasons.join('; ')})`);
}

function candidates(requested: BackendName | undefined): readonly Candidate[] {
  if (requested === undefined) return PREFERENCE;
  if (requested === 'wasm') return ['wasm-relaxed', 'wasm-simd'];
  if (requested === 'native') {
    throw new BitnetError(
      'backend/unavailable',
      'this version has no native backend; leave the backend out to run the fastest that works here',
    );
  }
  if (PREFERENCE.includes(requested)) return [requested];
  throw new BitnetError(
    'backend/unknown',
    `there is no backend "${requested}"; known are wasm, ${PREFERENCE.join(', ')}`,
  );
}

/** The backend, or the reason why it cannot be used. */
async function tryBackend(name: Candidate, isShared: boolean): Promise<Backend | string> {
  if (name === 'reference') return createReferenceBackend(isShared);
  const module = await loadWasmModule(name === 'wasm-relaxed' ? 'relaxed' : 'simd', isShared);
  if (module === undefined)
    return 'this runtime lacks its instructions; a newer one, such as Node 22, runs faster';
  const backend = createWasmBackend(name, module, isShared);
  return findKernelFault(backend) ?? backend;
}
