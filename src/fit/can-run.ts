/**
 * "Can this machine run it?", for one model or all of a catalogue: memory from the plan that loading would make, speed
 * from the rates that were measured, corrected by what models did here before. Without rates the answer is about memory
 * alone, and costs nothing.
 */
import { BitnetError } from '../base/errors.ts';
import type { SizeKernels } from '../model/loading/memory-plan.ts';
import { adviceFor } from './advice.ts';
import {
  type Calibration,
  type Correction,
  correctionFor,
  NO_CALIBRATION,
  shapeKey,
  sizeOf,
} from './calibration.ts';
import type {
  Estimate,
  FitAnswer,
  FitModel,
  FitQuestion,
  Machine,
  MachineRates,
  MemoryForecast,
  SpeedForecast,
  Verdict,
} from './fit.ts';
import { shapeOfModel } from './fit-model.ts';
import { forecastMemory } from './memory-forecast.ts';
import { decodeSeconds, prefillSeconds, type Workload, workloadOf } from './step-costs.ts';

/** Tokens of an answer whose speed is told. */
export const GENERATED_TOKENS = 64;
/** A program that takes all that is free pushes others out. */
const COMFORTABLE_SHARE = 0.9;
/** Of all memory, what a system can be brought to give to one program. */
const MOST_SHARE = 0.92;

/** Where the answer comes from. */
export interface FitGrounds {
  readonly machine: Machine;
  readonly kernels: SizeKernels;
  readonly calibration?: Calibration;
  /** Models to recommend in place of one that does not run. */
  readonly others?: readonly FitModel[];
}

/** The answer for each model. */
export function canRunAll(
  models: readonly FitModel[],
  grounds: FitGrounds,
  question: Partial<FitQuestion> = {},
): FitAnswer[] {
  return models.map((model) => canRun(model, grounds, question));
}

/** The answer for a model; a context that is longer than its own is made shorter. */
export function canRun(model: FitModel, grounds: FitGrounds, question: Partial<FitQuestion> = {}): FitAnswer {
  const asked = questionFor(model, grounds.machine, question);
  const answer = answerWithoutAdvice(model, grounds, asked);
  return { ...answer, advice: adviceFor(answer, grounds, answerWithoutAdvice) };
}

/** Fills in what was not asked. */
export function questionFor(
  { config }: FitModel,
  machine: Machine,
  { contextLength, kvCache, threads, promptTokens }: Partial<FitQuestion>,
): FitQuestion {
  const context = Math.min(contextLength ?? 4096, config.contextLength);
  return {
    contextLength: context,
    kvCache: kvCache ?? 'f16',
    threads: threads ?? machine.rates[0]?.threads ?? Math.max(1, Math.floor(machine.usableThreads)),
    promptTokens: Math.max(1, Math.min(promptTokens ?? 256, context)),
  };
}

function answerWithoutAdvice(model: FitModel, grounds: FitGrounds, question: FitQuestion): FitAnswer {
  const { machine, kernels } = grounds;
  const refusal = (reason: string): FitAnswer => ({
    model,
    question,
    verdict: 'no',
    reason,
    memory: undefined,
    speed: undefined,
    advice: [],
  });
  if (model.unsupported !== undefined) return refusal(model.unsupported);
  try {
    const { memory, settings } = forecastMemory(model, machine, kernels, question);
    const { verdict, reason } = judge(memory, machine);
    const rates = machine.rates.find(({ threads }) => threads === question.threads);
    const speed =
      rates === undefined || verdict === 'no'
        ? undefined
        : forecastSpeed(
            model,
            workloadOf(shapeOfModel(model), model.config, kernels, settings.head, question.kvCache),
            rates,
            grounds,
            question,
            settings.batchTokens,
          );
    return { model, question, verdict, reason, memory, speed, advice: [] };
  } catch (error) {
    if (error instanceof BitnetError) return refusal(error.message);
    throw error;
  }
}

function judge(memory: MemoryForecast, machine: Machine): { verdict: Verdict; reason: string | undefined } {
  const { plan, residentBytes } = memory;
  const { addressableBytes, availableMemoryBytes: free, totalMemoryBytes: total } = machine;
  const say = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 9.95e9 ? 2 : 1)} GB`;
  if (plan.total > addressableBytes) {
    return {
      verdict: 'no',
      reason: `it needs ${say(plan.total)}, and the ${machine.backend} backend can address ${say(addressableBytes)}`,
    };
  }
  if (total !== undefined && residentBytes > MOST_SHARE * total) {
    return {
      verdict: 'no',
      reason: `it takes ${say(residentBytes)} of memory, and this machine has ${say(total)}`,
    };
  }
  if (free !== undefined && residentBytes > COMFORTABLE_SHARE * free) {
    return {
      verdict: 'tight',
      reason: `it takes ${say(residentBytes)} of memory, and only ${say(free)} of ${total === undefined ? 'it' : say(total)} are free now`,
    };
  }
  return { verdict: 'yes', reason: undefined };
}

function forecastSpeed(
  model: FitModel,
  load: Workload,
  rates: MachineRates,
  grounds: FitGrounds,
  question: FitQuestion,
  chunkTokens: number,
): SpeedForecast {
  const { promptTokens, contextLength, threads } = question;
  const correction: Correction = correctionFor(
    grounds.calibration ?? NO_CALIBRATION,
    grounds.machine,
    threads,
    { shape: shapeKey(model), size: sizeOf(model) },
  );
  const { spread } = correction;
  const middle = Math.min(promptTokens + GENERATED_TOKENS / 2, contextLength - 1);
  const prompt = prefillSeconds(load, rates, promptTokens, chunkTokens);
  const prefill = (promptTokens / prompt) * correction.prefill;
  const generationAt = (position: number) =>
    estimate(correction.generation / decodeSeconds(load, rates, position), spread);
  return {
    prefill: estimate(prefill, spread),
    generation: generationAt(middle),
    generationAtEnd: generationAt(contextLength - 1),
    firstTokenSeconds: estimate(promptTokens / prefill, spread),
    loadSeconds: estimate(loadSeconds(model, rates), 0.5),
    confidence: correction.confidence,
  };
}

/** Start of the program and of its threads, and reading a vocabulary. */
const START_SECONDS = 0.15;
const SECONDS_PER_TOKEN_OF_VOCABULARY = 2e-6;
/** Bytes a second that a thread copies out of the system's memory to pages that it has not touched before. */
const COPY_BYTES_PER_SECOND = 1.2e9;

/** From a file that the system has in memory; a disk adds its own time. */
function loadSeconds({ config, fileBytes, ...model }: FitModel, rates: MachineRates): number {
  const shape = shapeOfModel({ config, fileBytes, ...model });
  const weights = shape.layers.reduce(
    (sum, { matrices }) =>
      sum + Object.values(matrices).reduce((n, { rows, columns }) => n + rows * columns, 0),
    0,
  );
  const ternary = model.projections === 'dense' ? 0 : weights / 4;
  const bytes = fileBytes ?? ternary;
  const tables = Math.max(0, bytes - ternary);
  return (
    START_SECONDS +
    config.vocabularySize * SECONDS_PER_TOKEN_OF_VOCABULARY +
    ternary * rates.loadSecondsPerTernaryByte +
    tables * rates.loadSecondsPerDenseByte +
    bytes / COPY_BYTES_PER_SECOND / Math.max(1, rates.threads)
  );
}

function estimate(value: number, spread: number): Estimate {
  return { value, low: value / (1 + spread), high: value * (1 + spread) };
}
