/** The tensors of a model in the order in which they are written, with their names in both formats. */
import type { TensorInfo } from '../../formats/tensor-info.ts';
import { LAYER_TENSORS, layerTensorName, MODEL_TENSORS, type TensorNames } from '../../model/architecture.ts';
import type { Inventory, MatrixSource } from '../../model/loading/inventory.ts';
import type { OpenedModel } from '../../model/open.ts';

/** A tensor of the source and its place in the model. */
export type Slot = {
  /** Names in both formats. */
  readonly names: TensorNames;
} & (
  | { readonly kind: 'vector'; readonly info: TensorInfo }
  /** The embedding or the head. */
  | { readonly kind: 'table'; readonly source: MatrixSource }
  | { readonly kind: 'projection'; readonly source: MatrixSource; readonly isRotated: boolean }
);

/** All of them; frequencies of GGUF files are no part of a model's weights and left out. */
export function slotsOf({ architecture }: OpenedModel, inventory: Inventory): Slot[] {
  const { embedding, outputNorm, head, layers } = inventory;
  const inLayers = layers.flatMap(({ matrices, vectors }, layer) =>
    LAYER_TENSORS.flatMap((tensor): Slot[] => {
      const own = architecture.layer[tensor];
      const names = {
        gguf: layerTensorName(own, 'gguf', layer),
        huggingFace: layerTensorName(own, 'huggingFace', layer),
      };
      const info = vectors.get(tensor);
      if (info !== undefined) return [{ kind: 'vector', names, info }];
      if (!(tensor in matrices)) return [];
      const source = matrices[tensor as keyof typeof matrices];
      return [{ kind: 'projection', names, source, isRotated: tensor === 'q' || tensor === 'k' }];
    }),
  );
  return [
    { kind: 'table', names: MODEL_TENSORS.embedding, source: embedding },
    ...inLayers,
    { kind: 'vector', names: MODEL_TENSORS.outputNorm, info: outputNorm },
    ...(head === undefined ? [] : [{ kind: 'table', names: MODEL_TENSORS.head, source: head } as const]),
  ];
}
