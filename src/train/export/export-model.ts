/**
 * Writes a trained model into the folder of its run: the Hugging Face layout for further training and conversion, and
 * GGUF files to run. Also quantises a dense model after its training, which is the same as writing it as I2_S or TQ2_0.
 */
import { BitnetError } from '../../base/errors.ts';
import type { GgufEntry } from '../../formats/gguf/write.ts';
import type { ByteSink } from '../../formats/tensor-output.ts';
import { blockWeights } from '../../tensor/dtype.ts';
import { tokenizerMetadata } from '../../tokenizer/conversion/gguf-metadata.ts';
import { tokenizerFromHuggingFace } from '../../tokenizer/from-huggingface.ts';
import { isModelName } from '../config.ts';
import type { RunFolder } from '../run-folder.ts';
import { type GgufTypes, writeGgufModel } from './gguf-model.ts';
import { type HuggingFaceJson, huggingFaceJson, writeMasters } from './huggingface-model.ts';
import type { ModelToExport, TokenizerToExport } from './model-to-export.ts';

/** What can be written: the Hugging Face layout, or a GGUF file with projections of a type. */
export const EXPORT_FORMATS = ['huggingface', 'i2_s', 'tq2_0', 'f32', 'f16'] as const;
/** One of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What to write and how. */
export interface ExportOptions {
  /** Of the model; GGUF files begin with it. */
  readonly name: string;
  readonly tokenizer: TokenizerToExport;
  readonly formats: readonly ExportFormat[];
  /** Element type of the embedding and the head in GGUF files; default F16. */
  readonly embedding?: 'F16' | 'F32';
  /** Element type of model.safetensors; default BF16. */
  readonly masters?: 'BF16' | 'F32';
}

const PROJECTION_TYPES: Readonly<Record<Exclude<ExportFormat, 'huggingface'>, GgufTypes['projections']>> = {
  i2_s: 'I2_S',
  tq2_0: 'TQ2_0',
  f32: 'F32',
  f16: 'F16',
};

/**
 * The formats that hold a model exactly and whose blocks fit its widths: for a ternary model the Hugging Face layout and
 * the ternary types, for a dense one the layout and f32.
 */
export function usualFormats(model: ModelToExport): ExportFormat[] {
  const formats: readonly ExportFormat[] =
    model.precision === 'f32' ? ['huggingface', 'f32'] : ['huggingface', 'i2_s', 'tq2_0'];
  return formats.filter((format) => misfit(model, format) === undefined);
}

/**
 * Writes a model and answers the names of its files, relative to the run folder. Every file is written whole or not at
 * all, and what cannot be written is refused before the first one.
 *
 * @throws BitnetError `train/export-name`, `train/export-width`, `train/export-tokenizer`, `train/export-family`,
 *   `tokenizer/…` when the tokenizer is damaged or cannot be told in GGUF, `tensor/not-finite`, `output/failed`
 */
export async function exportModel(
  folder: RunFolder,
  model: ModelToExport,
  options: ExportOptions,
): Promise<string[]> {
  const { name, tokenizer, masters = 'BF16', embedding = 'F16' } = options;
  const { formats, json, ggufTokenizer } = headersOf(model, options);
  const files: string[] = [];
  for (const format of formats) {
    if (format === 'huggingface') {
      files.push(...(await writeFolder(folder, model, tokenizer.tokenizerJson, json, masters)));
      continue;
    }
    const file = `${name}.${format}.gguf`;
    const types = { projections: PROJECTION_TYPES[format], embedding };
    await folder.write(file, (sink) => writeGgufModel(sink, model, types, name, ggufTokenizer));
    files.push(file);
  }
  return files;
}

/**
 * Throws what {@link exportModel} would refuse to write, whatever the weights are; so that it is known before training.
 *
 * @throws BitnetError as {@link exportModel}
 */
export function checkExport(model: ModelToExport, options: ExportOptions): void {
  headersOf(model, options);
}

/** What files hold beside weights. */
interface Headers {
  /** In the order of {@link EXPORT_FORMATS}. */
  readonly formats: readonly ExportFormat[];
  readonly json: HuggingFaceJson;
  /** The `tokenizer.*` metadata; none where no GGUF file is written. */
  readonly ggufTokenizer: readonly GgufEntry[];
}

function headersOf(model: ModelToExport, options: ExportOptions): Headers {
  const { name, tokenizer, masters = 'BF16' } = options;
  const formats = EXPORT_FORMATS.filter((format) => options.formats.includes(format));
  checkName(name);
  for (const format of formats) checkFits(model, format);
  const { tokenizerJson } = tokenizer;
  const config = { vocab_size: model.described.config.vocabularySize };
  const parsed = tokenizerFromHuggingFace({ tokenizerJson, config }).tokenizer;
  const json = huggingFaceJson(model, tokenizer, parsed, name, masters);
  const ggufTokenizer = formats.some((format) => format !== 'huggingface')
    ? tokenizerMetadata({ tokenizerJson, ...json }, tokenizer.chatTemplate).entries
    : [];
  return { formats, json, ggufTokenizer };
}

async function writeFolder(
  folder: RunFolder,
  model: ModelToExport,
  tokenizerJson: string,
  json: HuggingFaceJson,
  masters: 'BF16' | 'F32',
): Promise<string[]> {
  const text = (content: string) => (sink: ByteSink) => sink(new TextEncoder().encode(content));
  const object = (content: object) => text(`${JSON.stringify(content, undefined, 2)}\n`);
  // config.json last: without it the folder is no model.
  const writers: [string, (sink: ByteSink) => Promise<void>][] = [
    ['model/model.safetensors', (sink) => writeMasters(sink, model, masters)],
    ['model/tokenizer.json', text(tokenizerJson)],
    ['model/tokenizer_config.json', object(json.tokenizerConfig)],
    ['model/generation_config.json', object(json.generationConfig)],
    ['model/config.json', object(json.config)],
  ];
  for (const [file, write] of writers) await folder.write(file, write);
  return writers.map(([file]) => file);
}

/** The name becomes part of a file name on every system. */
function checkName(name: string): void {
  if (isModelName(name)) return;
  throw new BitnetError(
    'train/export-name',
    `the model is called ${JSON.stringify(name.slice(0, 120))}, which cannot be the name of a file; use letters, digits, ` +
      '"-", "_" and "." of at most 100 bytes',
  );
}

function checkFits(model: ModelToExport, format: ExportFormat): void {
  const reason = misfit(model, format);
  if (reason !== undefined) throw new BitnetError('train/export-width', reason);
}

/** Why a model cannot have a format; undefined when it can. */
function misfit(model: ModelToExport, format: ExportFormat): string | undefined {
  const { architecture } = model.described;
  const hasHead = model.parameters.list.some(({ role }) => role === 'head');
  if (architecture.tiedHead === 'always' && hasHead) {
    return `models of the architecture ${architecture.name} have no head of their own, and this one does; train it with tiedHead`;
  }
  if (format === 'huggingface') return undefined;
  const block = blockWeights(PROJECTION_TYPES[format]);
  for (const { isProjection, name, shape } of model.parameters.list) {
    const columns = shape.at(-1)!;
    if (!isProjection || columns % block === 0) continue;
    return `${name} has rows of ${columns} weights, and ${format.toUpperCase()} takes multiples of ${block}; choose another format or other widths`;
  }
  return undefined;
}
