/**
 * A trained model as a GGUF file that this package, bitnet.cpp (I2_S) and llama.cpp (TQ2_0) run. Key names: ggml,
 * docs/gguf.md; element types and orders of rows: docs/formats.md.
 */
import { type GgufEntry, writeGguf } from '../../formats/gguf/write.ts';
import type { ByteSink, TensorOutput } from '../../formats/tensor-output.ts';
import { type LayerTensor, layerTensorName, MODEL_TENSORS } from '../../model/architecture.ts';
import type { Described } from '../../model/config.ts';
import { modelMetadata } from '../../model/writing/gguf-metadata.ts';
import type { Parameter } from '../model/parameters.ts';
import type { ModelToExport } from './model-to-export.ts';
import { type FloatType, type TernaryType, tensorOf } from './weights.ts';

/** Element types of the matrices of a file. */
export interface GgufTypes {
  readonly projections: 'F32' | 'F16' | TernaryType;
  /** Of the embedding and the head. */
  readonly embedding: 'F32' | 'F16';
}

/**
 * Writes the file. Ternary types hold the codes and scales of training, or those of absmean quantisation of a dense
 * model; float types of a ternary model hold what its codes stand for.
 *
 * @param tokenizer the `tokenizer.*` metadata
 * @throws BitnetError `tensor/not-finite`, `tensor/bad-shape`, or as the sink
 */
export async function writeGgufModel(
  sink: ByteSink,
  model: ModelToExport,
  types: GgufTypes,
  name: string,
  tokenizer: readonly GgufEntry[],
): Promise<void> {
  const tensors = model.parameters.list.map((parameter) => ggufTensor(model, parameter, types));
  const metadata = [...modelMetadata(model.described, types.projections, name), ...tokenizer];
  await writeGguf(sink, { metadata, tensors });
}

function ggufTensor(model: ModelToExport, parameter: Parameter, types: GgufTypes): TensorOutput {
  const { architecture } = model.described;
  return tensorOf(model, parameter, {
    name: ggufName(model.described, parameter),
    dtype: typeOf(parameter, types),
    ropeStyle: architecture.ggufRope,
    asQuantised: model.precision === 'ternary',
  });
}

function typeOf(parameter: Parameter, types: GgufTypes): FloatType | TernaryType {
  if (parameter.isProjection) return types.projections;
  return parameter.shape.length === 2 ? types.embedding : 'F32';
}

function ggufName({ architecture }: Described, { role, layer }: Parameter): string {
  if (layer === undefined) return MODEL_TENSORS[role as keyof typeof MODEL_TENSORS].gguf;
  return layerTensorName(architecture.layer[role as LayerTensor], 'gguf', layer);
}
