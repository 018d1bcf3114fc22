/** What Ollama's clients ask about a model: read from its headers, so that no weights need be loaded for it. */
import { openSource } from '../../../../engine/source.ts';
import { readModelText } from '../../../../engine/text.ts';
import type { ModelConfig } from '../../../../model/config.ts';
import { type MatrixSource, takeInventory } from '../../../../model/loading/inventory.ts';
import { type OpenedModel, openModel } from '../../../../model/open.ts';
import type { ModelDescription } from '../../../models/served-model.ts';

/** What a model's headers tell. */
export interface ModelFacts {
  readonly format: 'gguf' | 'safetensors';
  readonly config: ModelConfig;
  readonly parameters: number;
  /** Element type of the projections. */
  readonly weights: string;
  /** Jinja source; undefined for a base model. */
  readonly template: string | undefined;
}

/** Facts about models; those of a file that has not changed are read once. */
export class ModelFactsReader {
  readonly #known = new Map<string, { readonly version: string; readonly facts: Promise<ModelFacts> }>();

  /** @throws BitnetError as openSource, openModel, takeInventory and readModelText */
  factsOf({ id, source, created }: ModelDescription): Promise<ModelFacts> {
    const version = `${created} ${source}`;
    const known = this.#known.get(id);
    if (known?.version === version) return known.facts;
    const facts = readFacts(source);
    this.#known.set(id, { version, facts });
    // What could not be read may be there the next time.
    facts.catch(() => this.#known.delete(id));
    return facts;
  }
}

async function readFacts(source: string): Promise<ModelFacts> {
  // Being asked about a model is no reason to download it.
  const opened = await openModel(await openSource(source, undefined, { offline: true }));
  try {
    return factsOf(opened);
  } finally {
    await opened.close();
  }
}

function factsOf(opened: OpenedModel): ModelFacts {
  const { layers, embedding, head, outputNorm } = takeInventory(opened);
  const projections = layers.flatMap(({ matrices }) => Object.values(matrices));
  const matrices = [...projections, embedding, ...(head === undefined ? [] : [head])];
  const vectors = [outputNorm, ...layers.flatMap((layer) => [...layer.vectors.values()])];
  const parameters =
    matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0) +
    vectors.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  return {
    format: opened.format === 'gguf' ? 'gguf' : 'safetensors',
    config: opened.config,
    parameters,
    weights: weightsOf(projections[0]!),
    template: readModelText(opened).template?.source,
  };
}

/** Hugging Face's packed rows have no name of their own among element types. */
function weightsOf(matrix: MatrixSource): string {
  return matrix.kind === 'packed' ? 'packed ternary' : matrix.info.dtype;
}
