/**
 * What a process that runs a model will have in physical memory: the plan of loading (model/loading/memory-plan.ts, the very
 * functions that loading uses), less what stays in the file, more what the program itself takes.
 */
import { platformName } from '#platform';
import { checkOptions, fitHead, planEngine, type Settings } from '../engine/options.ts';
import { DenseFormat, denseBytes } from '../kernels/kernels.ts';
import type { SizeKernels } from '../model/loading/memory-plan.ts';
import type { ModelShape } from '../model/loading/model-shape.ts';
import { headForm, heapFormat } from '../model/loading/table-form.ts';
import type { FitModel, FitQuestion, Machine, MemoryForecast } from './fit.ts';
import { shapeOfModel } from './fit-model.ts';

/** Runtime and code of the program before it loads a model, where it is not measured. */
const PROGRAM_BYTES = 60e6;
/**
 * What the runtime takes more while a model runs: compiled code, and what waits to be collected. The vocabulary is not
 * counted; it takes about as much as those rows of logits of the plan that one sequence never touches.
 */
const RUNNING_BYTES = 8.5e6;
/** A thread's own runtime, with what waits there to be collected. */
const THREAD_BYTES = 23e6;

/** A forecast with the settings that it is for. */
export interface PlannedModel {
  readonly memory: MemoryForecast;
  readonly settings: Settings;
}

/** The settings that loading would come to, and their memory. @throws BitnetError as checkOptions */
export function forecastMemory(
  model: FitModel,
  machine: Machine,
  kernels: SizeKernels,
  question: FitQuestion,
): PlannedModel {
  const { config } = model;
  const { contextLength, kvCache, threads } = question;
  const shape = shapeOfModel(model);
  const wanted = checkOptions(config, { contextLength, kvCache, threads });
  const { settings } = fitHead(shape, config, wanted, kernels, machine.addressableBytes);
  const plan = planEngine(shape, config, settings, kernels);
  const mappedBytes = isMapped(model, machine, shape, settings) ? tableBytes(shape) : 0;
  const programBytes =
    (machine.programBytes ?? PROGRAM_BYTES) + RUNNING_BYTES + Math.max(1, threads) * THREAD_BYTES;
  return {
    settings,
    memory: {
      plan,
      mappedBytes,
      programBytes,
      residentBytes: programBytes + plan.total - mappedBytes,
      isInt8Head: settings.head === 'int8',
    },
  };
}

/** Native kernels use the rows of a head that has a plane where they lie in the file; few of them are ever read. */
function isMapped(model: FitModel, machine: Machine, shape: ModelShape, { head }: Settings): boolean {
  if (platformName !== 'node' || !machine.backend.startsWith('native') || model.isMappable === false) {
    return false;
  }
  const table = shape.head ?? shape.embedding;
  const isDirect = table.info.dtype === 'F16' || table.info.dtype === 'BF16' || table.info.dtype === 'F32';
  return isDirect && table.columns % 16 === 0 && headForm(table, head) === 'fast';
}

function tableBytes({ head, embedding }: ModelShape): number {
  const { info, rows, columns } = head ?? embedding;
  const format = heapFormat(info.dtype);
  return format === DenseFormat.Q8_0 ? 0 : denseBytes(format, rows, columns);
}
