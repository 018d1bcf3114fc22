/** What `bitnet.ts/fit` offers: can this machine run a model, in Node.js and in browsers (docs/can-run.md). */

export { readCatalogue } from '../hub/catalogue/catalogue.ts';
export type { Catalogue, CatalogueEntry, UnsupportedModel } from '../hub/catalogue/catalogue-entry.ts';
export { parameterCount } from '../hub/catalogue/published-size.ts';
export { defaultThreads } from '../kernels/team/default-threads.ts';
export { canRun, canRunAll, type FitGrounds } from './can-run.ts';
export type {
  Advice,
  Confidence,
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
export { modelOfBlob, modelOfEntry } from './fit-model.ts';
export { type MeasuredMachine, type MeasureOptions, measureMachine } from './measure-machine.ts';
