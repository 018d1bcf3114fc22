/** What `bitnet models` tells of each model: the bundled one and those of the catalogue, and which of them are in the cache. */
import { openSource } from '../../engine/source.ts';
import { canRun } from '../../fit/can-run.ts';
import type { FitAnswer, FitModel, Verdict } from '../../fit/fit.ts';
import { modelOfEntry, modelOfFile } from '../../fit/fit-model.ts';
import type { MeasuredMachine } from '../../fit/measure-machine.ts';
import type { Catalogue, CatalogueEntry, UnsupportedModel } from '../../hub/catalogue/catalogue-entry.ts';
import { parameterCount, publishedSize } from '../../hub/catalogue/published-size.ts';
import type { LocalModel } from '../../hub/hub.ts';
import { openModel } from '../../model/open.ts';
import { BUNDLED_MODEL, bundledModelPath } from './bundled-model.ts';

/** A model that runs. */
export interface ModelRow {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly title: string;
  readonly kind: CatalogueEntry['kind'];
  readonly licence: string | null;
  readonly parameters: number;
  readonly contextLength: number;
  readonly downloadBytes: number;
  /** False for a length that follows from the dims. */
  readonly isExactLength: boolean;
  /** Repositories on the hub, the one that is taken by default first; none for the bundled model. */
  readonly repositories: readonly string[];
  readonly here: 'bundled' | 'yes' | 'no';
  /** Whether this machine has the memory for it, at its default context. */
  readonly runs: Verdict;
  readonly memoryBytes: number | null;
  /** Why not, or why only just. */
  readonly reason: string | null;
  readonly goodFor: string;
  readonly defects: readonly string[];
}

/** Everything that is listed. */
export interface ModelList {
  readonly models: readonly ModelRow[];
  readonly unsupported: readonly UnsupportedModel[];
}

/** The rows in the order of the catalogue, the bundled model first. */
export async function listOf(
  catalogue: Catalogue,
  local: readonly LocalModel[],
  measured: MeasuredMachine,
): Promise<ModelList> {
  const isHere = ({ files }: CatalogueEntry) =>
    files.some(({ repository }) => local.some((model) => isSame(model.repository, repository)));
  const rows = catalogue.models.map((entry): ModelRow => {
    const [file] = entry.files;
    const { bytes, isExact } = publishedSize(entry, file!);
    return {
      name: entry.name,
      aliases: entry.aliases,
      title: entry.title,
      kind: entry.kind,
      licence: entry.licence ?? null,
      parameters: parameterCount(entry),
      contextLength: entry.shape.contextLength,
      downloadBytes: bytes,
      isExactLength: isExact,
      repositories: entry.files.map(({ repository }) => repository),
      here: isHere(entry) ? 'yes' : 'no',
      ...fitOf(modelOfEntry(entry), measured),
      goodFor: entry.goodFor,
      defects: entry.defects,
    };
  });
  return { models: [await bundledRow(measured), ...rows], unsupported: catalogue.unsupported };
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function fitOf(
  model: FitModel,
  measured: MeasuredMachine,
): Pick<ModelRow, 'runs' | 'memoryBytes' | 'reason'> {
  const { verdict, memory, reason }: FitAnswer = canRun(model, measured);
  return { runs: verdict, memoryBytes: memory?.residentBytes ?? null, reason: reason ?? null };
}

/** From the header of the file, since the catalogue has published models only. */
async function bundledRow(measured: MeasuredMachine): Promise<ModelRow> {
  const source = await openSource(bundledModelPath());
  const opened = await openModel(source);
  try {
    const { config, tensors } = opened;
    const weights = [...tensors.values()].map(({ shape }) =>
      shape.reduce((product, dim) => product * dim, 1),
    );
    return {
      name: BUNDLED_MODEL,
      aliases: [],
      title: 'tales, trained by this project',
      kind: 'chat',
      licence: 'MIT',
      parameters: weights.reduce((sum, count) => sum + count, 0),
      contextLength: config.contextLength,
      downloadBytes: 0,
      isExactLength: true,
      repositories: [],
      here: 'bundled',
      ...fitOf(modelOfFile(opened, BUNDLED_MODEL), measured),
      goodFor: 'Trying things out: short tales about a small world, and questions about them.',
      defects: [],
    };
  } finally {
    await opened.close();
  }
}
