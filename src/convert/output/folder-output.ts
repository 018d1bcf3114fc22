/**
 * A model as a Hugging Face folder: safetensors files, several of them from 5 GB on, config.json and the tokenizer's
 * files. Field names are those of transformers' BitNetQuantConfig and of 1bitLLM's BitnetConfig.
 */
import { BitnetError } from '../../base/errors.ts';
import { writeSafetensors } from '../../formats/safetensors/write.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import { huggingFaceConfig, type TorchType, torchTypeName } from '../../model/writing/huggingface-config.ts';
import { byteLengthOf } from '../../tensor/dtype.ts';
import type { ConvertOptions, FolderType } from '../convert-options.ts';
import { floatRows } from '../source/matrix-rows.ts';
import type { Slot } from '../source/model-slots.ts';
import { ProjectionRows, type ProjectionSlot } from '../source/projections.ts';
import type { Source } from '../source/source-model.ts';
import type { PlannedFile } from './planned-file.ts';
import {
  copiedTensor,
  exactType,
  floatTensor,
  packedTensor,
  pieceRows,
  smallTensor,
  vectorValues,
} from './tensor-outputs.ts';
import { type FolderTextSide, jsonText } from './text-side.ts';
import { type StoredScales, storedScales } from './weight-scales.ts';

const SHARD_BYTES = 5e9;

/**
 * The files, config.json last: without it the folder is no model.
 *
 * @throws BitnetError `convert/…`, `tensor/…`
 */
export async function planFolder(
  source: Source,
  projections: FolderType,
  text: FolderTextSide,
  options: ConvertOptions,
): Promise<PlannedFile[]> {
  await checkRotation(source, options.signal);
  const tables = await tableType(source, options);
  const scales = projections === 'U8' ? storedScales(source) : undefined;
  const tensors = await folderTensors(source, projections, tables, scales, options);
  const config = {
    ...(await modelConfig(source, tables)),
    ...quantizationFields(source, projections, scales),
    ...text.ends,
  };
  return [
    ...weightFiles(tensors, options.shardBytes ?? SHARD_BYTES),
    ...[...text.files].map(([name, content]) => textFile(name, content)),
    textFile('config.json', jsonText(config)),
  ];
}

async function folderTensors(
  source: Source,
  projections: FolderType,
  tables: TorchType,
  scales: StoredScales | undefined,
  { signal }: ConvertOptions,
): Promise<TensorOutput[]> {
  const rows = new ProjectionRows(source.model, source.surveyed, RopeStyle.Half, signal);
  const tensors: TensorOutput[] = [];
  for (const slot of source.slots) {
    const name = slot.names.huggingFace;
    if (slot.kind === 'vector') {
      const values = await vectorValues(slot.info, signal);
      tensors.push(smallTensor(name, exactType(values, ['BF16', 'F32'])!, values));
    } else if (slot.kind === 'table') {
      tensors.push(
        tables === slot.source.info.dtype
          ? copiedTensor(name, slot.source.info, signal)
          : floatTensor(name, tables, floatRows(slot.source, signal), source.losses, 'tables'),
      );
    } else tensors.push(...projectionTensors(source, rows, slot, projections, scales));
  }
  return tensors;
}

function projectionTensors(
  { losses }: Source,
  rows: ProjectionRows,
  slot: ProjectionSlot,
  dtype: FolderType,
  scales: StoredScales | undefined,
): TensorOutput[] {
  const name = slot.names.huggingFace;
  const { meaning } = rows.of(slot);
  if (dtype === 'U8') {
    const value = Float32Array.of(scales!.values.get(slot)!);
    const scale = smallTensor(`${name}_scale`, exactType(value, ['BF16', 'F32'])!, value);
    return [packedTensor(name, rows.codes(slot)), scale];
  }
  if (meaning === 'masters') {
    const why = `are those of ${dtype} master weights, from ${slot.source.info.dtype} ones: programs round them to that type`;
    losses.add('scales', 'scales', why, dtype === slot.source.info.dtype ? 0 : 1, 1);
    return [floatTensor(name, dtype, rows.latent(slot), losses, 'weights')];
  }
  if (meaning === 'codes') {
    const why = `hold codes as ${dtype} weights: without their int8 activations they compute slightly other numbers`;
    losses.add('activations', 'projections', why, 1, 1);
  }
  return [floatTensor(name, dtype, rows.weights(slot), losses, 'weights')];
}

/** The type of embedding and head: the one asked for, or the shortest that holds them; F16 for what was in blocks. */
async function tableType({ slots }: Source, { table, signal }: ConvertOptions): Promise<TorchType> {
  if (table === 'Q8_0' || table === 'Q6_K') {
    throw new BitnetError(
      'convert/type-impossible',
      `safetensors files have no ${table} blocks, so an embedding in a folder can be f16, bf16 or f32; or convert to GGUF`,
    );
  }
  if (table !== undefined) return table;
  const tables = slots.filter((slot) => slot.kind === 'table');
  let chosen: TorchType = 'BF16';
  for (const slot of tables) {
    const type = await narrowestType(slot, signal);
    if (type === 'F32' || chosen === 'BF16') chosen = chosen === 'F32' ? chosen : type;
  }
  return chosen;
}

async function narrowestType(
  { source }: Slot & { kind: 'table' },
  signal: AbortSignal | undefined,
): Promise<TorchType> {
  const { info, rows, columns } = source;
  if (info.dtype === 'BF16' || info.dtype === 'F32') return info.dtype;
  if (info.dtype !== 'F16') return 'F16';
  const reader = floatRows(source, signal);
  const step = pieceRows(rows, columns);
  for (let row = 0; row < rows; row += step) {
    const end = Math.min(row + step, rows);
    const values = new Float32Array((end - row) * columns);
    await reader.read(row, end, values);
    if (exactType(values, ['BF16']) === undefined) return 'F16';
  }
  return 'BF16';
}

/** Factors of the rotation have no place in the configurations that this package reads. */
async function checkRotation({ model, inventory }: Source, signal: AbortSignal | undefined): Promise<void> {
  const { ropeFactors } = inventory;
  if (ropeFactors === undefined) return;
  const values = await vectorValues(ropeFactors, signal);
  if (values.every((value) => value === 1)) return;
  throw new BitnetError(
    'convert/rope-factors',
    `${model.name} has factors on the frequencies of its rotation (${ropeFactors.name}), which a folder cannot say in a way ` +
      'that this package reads; convert to GGUF',
  );
}

async function modelConfig(source: Source, dtype: TorchType): Promise<Record<string, unknown>> {
  const { model, inventory, name } = source;
  const isTied = inventory.head === undefined;
  if (model.format === 'gguf') return huggingFaceConfig(model, { name, isTied, dtype })!;
  // auto_map names files of code that are not copied, and that published repositories do not even have.
  const {
    auto_map: _,
    quantization_config: __,
    weight_bits: ___,
    input_bits: ____,
    dtype: _____,
    ...kept
  } = model.checkpoint.config;
  return { ...kept, tie_word_embeddings: isTied, torch_dtype: torchTypeName(dtype) };
}

/** How projections are to be read: see src/model/loading/inventory.ts. */
function quantizationFields(
  { model, surveyed }: Source,
  projections: FolderType,
  scales: StoredScales | undefined,
): Record<string, unknown> {
  const bitnet = (linearClass: string, mode: string) => ({
    quantization_config: {
      quant_method: 'bitnet',
      modules_to_not_convert: ['lm_head'],
      linear_class: linearClass,
      quantization_mode: mode,
    },
  });
  if (projections === 'U8') return bitnet(scales!.divide ? 'bitlinear' : 'autobitlinear', 'offline');
  const hasMasters = [...surveyed.values()].some(({ meaning }) => meaning === 'masters');
  if (!hasMasters) return model.architecture.isAlwaysTernary ? { weight_bits: 16 } : {};
  // 1bitLLM's own class quantises by itself and knows no quantization_config.
  if (model.architecture.name === 'bitnet') return { weight_bits: 1, input_bits: 8 };
  return bitnet('autobitlinear', 'online');
}

/** model.safetensors, or files of at most `limit` bytes each with the index that says which tensor is where. */
function weightFiles(tensors: readonly TensorOutput[], limit: number): PlannedFile[] {
  const shards: TensorOutput[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const length = bytesOf([tensor]);
    if (bytes > 0 && bytes + length > limit) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += length;
  }
  if (shards.length === 1) return [weightFile('model.safetensors', tensors)];
  const number = (value: number) => String(value).padStart(5, '0');
  const nameOf = (shard: number) => `model-${number(shard + 1)}-of-${number(shards.length)}.safetensors`;
  const index = {
    metadata: { total_size: bytesOf(tensors) },
    weight_map: Object.fromEntries(
      shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)] as const)),
    ),
  };
  return [
    ...shards.map((shard, i) => weightFile(nameOf(i), shard)),
    textFile('model.safetensors.index.json', jsonText(index)),
  ];
}

function weightFile(name: string, tensors: readonly TensorOutput[]): PlannedFile {
  return {
    name,
    bytes: bytesOf(tensors),
    write: async (sink) => {
      await writeSafetensors(sink, tensors, new Map([['format', 'pt']]));
    },
  };
}

function textFile(name: string, content: string): PlannedFile {
  const bytes = new TextEncoder().encode(content);
  return { name, bytes: bytes.byteLength, write: (sink) => sink(bytes) };
}

function bytesOf(tensors: readonly TensorOutput[]): number {
  return tensors.reduce((sum, { dtype, shape, name }) => sum + byteLengthOf(dtype, shape, name), 0);
}
