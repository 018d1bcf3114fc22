/** From a model's opened files to an engine: chooses a backend, starts the team, loads and tests the weights. */
import { environmentVariable, Worker } from '#platform';
import { BitnetError } from '../base/errors.ts';
import type { Backend } from '../kernels/backend.ts';
import type { BackendName } from '../kernels/backend-name.ts';
import { selectBackend } from '../kernels/select.ts';
import { createTeam } from '../kernels/team/team.ts';
import { loadScratchBytes } from '../model/loading/file-programs.ts';
import { type Inventory, takeInventory } from '../model/loading/inventory.ts';
import { loadWeights } from '../model/loading/load.ts';
import { checkFits } from '../model/loading/memory-plan.ts';
import { findModelFault } from '../model/loading/self-test.ts';
import type { OpenedModel } from '../model/open.ts';
import { hasPlane, type ModelPlan } from '../model/plan.ts';
import { fillRopeTable, ropeTableBytes } from '../model/rope-table.ts';
import { allocateScreenSpace } from '../model/screen-space.ts';
import { allocateWorkSpace } from '../model/work-space.ts';
import { Engine, type EngineParts } from './engine.ts';
import {
  checkOptions,
  type EngineOptions,
  fitHead,
  planEngine,
  type Settings,
  STEP_OUTPUTS,
} from './options.ts';
import { createPrograms } from './programs.ts';

/**
 * Loads a model's weights and starts its threads. When a backend fails its test on the loaded weights, the next one is
 * tried, unless one was asked for by name.
 *
 * @param meanwhile work of the calling thread that may be done while others load; what it throws, this throws
 * @throws BitnetError `backend/…`, `memory/…`, `model/…`, `tensor/…`, `option/…`, or as the source's readInto
 */
export async function loadEngine(
  opened: OpenedModel,
  options: EngineOptions = {},
  meanwhile: () => void = () => {},
): Promise<Engine> {
  const settings = checkOptions(opened.config, options);
  const inventory = takeInventory(opened);
  const backendNotes: string[] = [];
  const exclude = new Set<string>();
  const requested = options.backend ?? (environmentVariable('BITNET_BACKEND') as BackendName | undefined);
  for (;;) {
    const { backend, passedOver } = await selectBackend(requested, settings.threads > 0, exclude);
    const result = await loadOn(backend, opened, inventory, options, settings, meanwhile);
    if (typeof result !== 'string') {
      if (passedOver.length > 0) backendNotes.push(slowerNote(backend.name, passedOver));
      const warnings = [...inventory.warnings, ...backendNotes, ...result.warnings];
      return new Engine({ ...result, backendNotes, warnings });
    }
    const message = `${backend.name} gave wrong numbers on this machine and was not used: ${result}`;
    // These name several; any of them is what was asked for.
    if (requested !== undefined && requested !== 'wasm' && requested !== 'native') {
      throw new BitnetError('backend/self-test-failed', message);
    }
    backendNotes.push(message);
    exclude.add(backend.name);
  }
}

function slowerNote(name: string, passedOver: readonly string[]): string {
  return `${name} computes, since what is faster does not run here (${passedOver.join('; ')})`;
}

async function loadOn(
  backend: Backend,
  opened: OpenedModel,
  inventory: Inventory,
  options: EngineOptions,
  settings: Settings,
  meanwhile: () => void,
): Promise<Omit<EngineParts, 'backendNotes'> | string> {
  const { config } = opened;
  const { headCount, headCountKv, headLength, embeddingLength, feedForwardLength } = config;
  const attentionScratch = backend.kernels.attentionScratchBytes(headCount, headCountKv, headLength);
  const longestRow = Math.max(embeddingLength, feedForwardLength, headCount * headLength);
  const team = await createTeam({
    backend,
    workers: settings.threads,
    spawn: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
    programs: createPrograms(),
    scratchBytes: Math.max(attentionScratch, loadScratchBytes(backend.kernels, longestRow)),
  });
  try {
    const { heap, kernels } = backend;
    const fitted = fitHead(inventory, config, settings, kernels, heap.availableBytes);
    const memory = planEngine(inventory, config, fitted.settings, kernels);
    checkFits(memory, backend.heap.availableBytes, backend.heap.limitAdvice);
    const progress = progressOf(opened, options.onProgress);
    const weights = await loadWeights(inventory, {
      backend,
      team,
      head: fitted.settings.head,
      onBytes: progress,
      signal: options.signal,
      meanwhile,
    });
    const { contextLength, kvFormat } = settings;
    const ropeTable = backend.heap.allocate(ropeTableBytes(contextLength, headLength));
    const angles = backend.heap.f64(ropeTable, contextLength * headLength);
    fillRopeTable(angles, contextLength, headLength, config.ropeFreqBase, weights.ropeFactors);
    const plan: ModelPlan = {
      config,
      ...weights,
      embeddingScale: opened.architecture.scalesEmbedding ? Math.sqrt(embeddingLength) : 1,
      ropeTable,
      work: allocateWorkSpace(backend, config, settings.batchTokens, STEP_OUTPUTS, contextLength),
      screen: hasPlane(weights.head)
        ? allocateScreenSpace(backend, config, STEP_OUTPUTS, team.count)
        : undefined,
    };
    const fault = await findModelFault(backend, inventory, weights);
    if (fault !== undefined) {
      await team.dispose();
      backend.dispose();
      return fault;
    }
    await team.run('useModel', plan);
    options.onProgress?.(1);
    return { backend, team, plan, contextLength, kvFormat, warnings: fitted.warnings };
  } catch (error) {
    await team.dispose();
    backend.dispose();
    throw error;
  }
}

/** A counter of bytes that reports the share of the model's tensors, and never 1 before all is done. */
function progressOf(opened: OpenedModel, onProgress: EngineOptions['onProgress']): (bytes: number) => void {
  const total = [...opened.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  let done = 0;
  return (bytes) => {
    done += bytes;
    onProgress?.(Math.min(0.99, done / total));
  };
}
