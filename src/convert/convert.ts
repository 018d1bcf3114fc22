/**
 * Converts a model between Hugging Face folders and GGUF files, and either into another type of itself. A plan is made
 * from headers and one look at the projections; its files are then written in one pass each, in pieces. Codes and scales
 * stay what they are wherever the type can hold them, and where it cannot, {@link Conversion.losses} says what was lost.
 */
import { RopeStyle } from '../kernels/kernels.ts';
import { takeInventory } from '../model/loading/inventory.ts';
import type { OpenedModel } from '../model/open.ts';
import { isTernary } from '../tensor/dtype.ts';
import type { ConvertOptions, FolderType, GgufType } from './convert-options.ts';
import { Losses } from './losses.ts';
import { planFolder } from './output/folder-output.ts';
import { planGguf } from './output/gguf-output.ts';
import type { PlannedFile } from './output/planned-file.ts';
import { folderTextSide, ggufTextSide } from './output/text-side.ts';
import { slotsOf } from './source/model-slots.ts';
import { checkFits, checkTernary, isTernaryModel } from './source/projections.ts';
import type { Source } from './source/source-model.ts';
import { surveyProjections } from './source/survey.ts';

/** A conversion that is ready to be written. */
export interface Conversion {
  /** One file of the name '' for GGUF; those of a folder in the order to write them in. */
  readonly files: readonly PlannedFile[];
  /** Type of the projections of the result. */
  readonly projections: GgufType | FolderType;
  /** What was put right about the source, and what the result cannot say. */
  readonly notes: readonly string[];
  /** Complete when all files are written. */
  readonly losses: Losses;
}

/**
 * Plans a conversion. Everything that can be refused is refused here, before a byte is written; only damaged weights show
 * while files are written.
 *
 * @param model  stays open until all files are written
 * @throws BitnetError `convert/dense`, `convert/type-impossible`, `convert/scale-range`, `convert/rope-factors`; `model/…`,
 *   `tensor/…`, `tokenizer/…`, `template/…` as loading the source would; the signal's reason
 */
export async function planConversion(model: OpenedModel, options: ConvertOptions): Promise<Conversion> {
  const { target } = options;
  const inventory = takeInventory(model);
  const text = target.format === 'gguf' ? ggufTextSide(model) : folderTextSide(model);
  const wantsCodes = target.projections === undefined || isTernaryType(target.projections);
  const isForced = wantsCodes && target.projections !== undefined && options.force === true;
  const surveyed = await surveyProjections(inventory, {
    ternarise: !wantsCodes ? 'no' : isForced ? 'always' : 'if-exact',
    ...(options.onMeasure === undefined ? {} : { onProgress: options.onMeasure }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const losses = new Losses();
  const style = target.format === 'gguf' ? model.architecture.ggufRope : RopeStyle.Half;
  losses.isReordered = style !== model.config.ropeStyle;
  const source: Source = {
    model,
    inventory,
    slots: slotsOf(model, inventory),
    surveyed,
    name: options.name ?? model.config.name ?? baseName(model.name),
    losses,
  };
  const projections = target.projections ?? usualType(source, target.format);
  if (isTernaryType(projections)) {
    checkTernary(model, surveyed);
    noteForced(source);
  }
  if ('entries' in text) {
    if (projections !== 'U8') checkFits(inventory, projections);
    const file = await planGguf(source, projections as GgufType, text.entries, options);
    return { files: [file], projections, notes: [...text.notes, ...inventory.warnings], losses };
  }
  const files = await planFolder(source, projections as FolderType, text, options);
  return { files, projections, notes: [...text.notes, ...inventory.warnings], losses };
}

/** The type that holds the projections exactly. */
function usualType({ surveyed, slots }: Source, format: 'gguf' | 'huggingFace'): GgufType | FolderType {
  if (isTernaryModel(surveyed)) return format === 'gguf' ? 'I2_S' : 'U8';
  if (format === 'gguf') return 'F16';
  const dense = slots.find((slot) => slot.kind === 'projection')!.source.info.dtype;
  return dense === 'F16' || dense === 'F32' ? dense : dense === 'BF16' ? 'BF16' : 'F16';
}

/** Dense weights that were made ternary are no longer those of the model. */
function noteForced({ surveyed, losses }: Source): void {
  for (const { source, meaning } of surveyed.values()) {
    if (source.kind !== 'dense' || meaning !== 'masters') continue;
    losses.add('forced', 'projections', 'were dense and are rounded to -1, 0 and 1, as --force asked', 1, 1);
  }
}

function isTernaryType(type: GgufType | FolderType): boolean {
  return type === 'U8' || isTernary(type);
}

/** The last part of a path or URL, without `.gguf`. */
function baseName(path: string): string {
  const last = path
    .split(/[/\\]/)
    .filter((part) => part !== '' && part !== '.')
    .at(-1);
  return (last ?? 'model').replace(/\.gguf$/i, '');
}
