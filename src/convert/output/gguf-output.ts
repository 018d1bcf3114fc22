/** A model as a GGUF file: which type every tensor gets, the metadata, and the writing. */
import { BitnetError } from '../../base/errors.ts';
import { type GgufEntry, writeGguf } from '../../formats/gguf/write.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { TextList } from '../../formats/text-list.ts';
import type { MatrixSource } from '../../model/loading/inventory.ts';
import { modelMetadata } from '../../model/writing/gguf-metadata.ts';
import { blockWeights, byteLengthOf, isTernary } from '../../tensor/dtype.ts';
import type { FloatEncoding } from '../../tensor/encode.ts';
import type { ConvertOptions, GgufType } from '../convert-options.ts';
import { floatRows } from '../source/matrix-rows.ts';
import type { Slot } from '../source/model-slots.ts';
import { noteHalfScale, ProjectionRows, type ProjectionSlot } from '../source/projections.ts';
import type { Source } from '../source/source-model.ts';
import type { PlannedFile } from './planned-file.ts';
import { copiedTensor, floatTensor, smallTensor, ternaryTensor, vectorValues } from './tensor-outputs.ts';

/** Types that a table may keep. */
const KEPT_TABLES: ReadonlySet<string> = new Set(['Q8_0', 'Q6_K', 'Q4_0']);

/**
 * The file.
 *
 * @throws BitnetError `convert/type-impossible`, `convert/scale-range`, `tensor/…`
 */
export async function planGguf(
  source: Source,
  projections: GgufType,
  text: readonly GgufEntry[],
  options: ConvertOptions,
): Promise<PlannedFile> {
  const { model, inventory, slots, surveyed } = source;
  const rows = new ProjectionRows(model, surveyed, model.architecture.ggufRope, options.signal);
  const tensors: TensorOutput[] = [];
  for (const slot of slots) {
    if (slot.kind === 'projection') tensors.push(projectionTensor(source, rows, slot, projections));
    else if (slot.kind === 'table') tensors.push(tableTensor(source, slot, options));
    else tensors.push(smallTensor(slot.names.gguf, 'F32', await vectorValues(slot.info, options.signal)));
  }
  if (inventory.ropeFactors !== undefined) {
    const { name } = inventory.ropeFactors;
    tensors.push(smallTensor(name, 'F32', await vectorValues(inventory.ropeFactors, options.signal)));
  }
  const metadata = [...modelMetadata(model, projections, source.name), ...keptEntries(source), ...text];
  return {
    name: '',
    bytes: tensors.reduce((sum, { dtype, shape, name }) => sum + byteLengthOf(dtype, shape, name), 0),
    write: async (sink) => {
      await writeGguf(sink, { metadata, tensors });
    },
  };
}

function projectionTensor(
  { losses }: Source,
  rows: ProjectionRows,
  slot: ProjectionSlot,
  dtype: GgufType,
): TensorOutput {
  const name = slot.names.gguf;
  const { meaning, scale } = rows.of(slot);
  if (isTernary(dtype)) {
    if (dtype !== 'I2_S') noteHalfScale(name, dtype, scale, losses);
    return ternaryTensor(name, dtype, rows.codes(slot), scale);
  }
  if (meaning !== 'dense') {
    const why = `hold codes as ${dtype} weights: without their int8 activations they compute slightly other numbers`;
    losses.add('activations', 'projections', why, 1, 1);
  }
  return floatTensor(name, dtype, rows.weights(slot), losses, 'weights');
}

function tableTensor(
  { losses }: Source,
  { names, source }: Slot & { kind: 'table' },
  { table, signal }: ConvertOptions,
): TensorOutput {
  const { info } = source;
  const isKept = table === undefined && KEPT_TABLES.has(info.dtype);
  if (isKept || table === info.dtype) return copiedTensor(names.gguf, info, signal);
  const dtype = table ?? 'F16';
  checkTable(source, dtype);
  return floatTensor(names.gguf, dtype, floatRows(source, signal), losses, 'tables');
}

function checkTable({ info, columns }: MatrixSource, dtype: FloatEncoding): void {
  const block = blockWeights(dtype);
  if (columns % block === 0) return;
  throw new BitnetError(
    'convert/type-impossible',
    `${info.name} has rows of ${columns} values, and ${dtype} takes multiples of ${block}; choose --embedding f16` +
      `${columns % 32 === 0 ? ' or q8_0' : ''}`,
    { details: { tensor: info.name, columns } },
  );
}

/** What a GGUF source says of its author, licence and the like. */
function keptEntries({ model }: Source): GgufEntry[] {
  if (model.format !== 'gguf') return [];
  const own = new Set(['general.architecture', 'general.type', 'general.name']);
  return [...model.file.metadata].flatMap(([key, value]): GgufEntry[] => {
    if (!key.startsWith('general.') || own.has(key)) return [];
    if (typeof value === 'string') return [{ key, type: 'string', value }];
    return value instanceof TextList ? [{ key, type: 'string[]', value }] : [];
  });
}
