/** A model as the forecast sees it: from the header of a file, or from the catalogue. */
import { BitnetError } from '../base/errors.ts';
import { blobSource } from '../formats/sources/blob.ts';
import type { CatalogueEntry, PublishedFile } from '../hub/catalogue/catalogue-entry.ts';
import { publishedSize } from '../hub/catalogue/published-size.ts';
import { ARCHITECTURES } from '../model/architecture.ts';
import { takeInventory } from '../model/loading/inventory.ts';
import { type ModelShape, shapeOf } from '../model/loading/model-shape.ts';
import { type OpenedModel, openModel } from '../model/open.ts';
import type { FitModel } from './fit.ts';

/**
 * A published model; of its downloads the one that is taken by default, unless another is named.
 *
 * @throws BitnetError `model/unsupported-architecture`
 */
export function modelOfEntry(entry: CatalogueEntry, file: PublishedFile = entry.files[0]!): FitModel {
  const { shape, architecture, name } = entry;
  const family = ARCHITECTURES.get(architecture);
  if (family === undefined) {
    throw new BitnetError(
      'model/unsupported-architecture',
      `${name}: its architecture ${architecture} is not supported`,
    );
  }
  const { tiedHead, ...dims } = shape;
  return {
    name,
    config: {
      architecture,
      ...dims,
      activation: family.activation,
      ropeStyle: family.ggufRope,
    },
    fileBytes: publishedSize(entry, file).bytes,
    embeddingType: file.embedding,
    headType: tiedHead ? undefined : file.embedding,
    projections: file.format === 'F16' ? 'dense' : 'ternary',
    isMappable: file.path !== undefined,
  };
}

/**
 * A model whose headers have been read.
 *
 * @throws BitnetError as takeInventory
 */
export function modelOfFile(opened: OpenedModel, name: string): FitModel {
  const inventory = takeInventory(opened);
  const isDense = inventory.layers[0]?.matrices.q.kind === 'dense';
  return {
    name,
    config: opened.config,
    fileBytes: opened.fileBytes,
    embeddingType: inventory.embedding.info.dtype,
    headType: inventory.head?.info.dtype,
    projections: isDense ? 'dense' : 'ternary',
    isMappable: opened.format === 'gguf',
  };
}

/**
 * A model in a file that a user has picked in a page; only its header is read.
 *
 * @throws BitnetError as openModel and takeInventory
 */
export async function modelOfBlob(blob: Blob, name: string): Promise<FitModel> {
  const opened = await openModel(blobSource(blob, name));
  try {
    return modelOfFile(opened, name);
  } finally {
    await opened.close();
  }
}

/** The shape that plans and costs are made from. */
export function shapeOfModel({ config, embeddingType, headType, projections }: FitModel): ModelShape {
  return shapeOf(config, {
    embedding: embeddingType,
    head: headType,
    projections: projections ?? 'ternary',
  });
}
