/** Projections of the source as rows in the order of the result, and which types can hold them. */
import { BitnetError } from '../../base/errors.ts';
import type { RopeStyle } from '../../kernels/kernels.ts';
import type { Inventory } from '../../model/loading/inventory.ts';
import type { OpenedModel } from '../../model/open.ts';
import { blockWeights, type DType, isTernary } from '../../tensor/dtype.ts';
import { floatToHalf, halfToFloat } from '../../tensor/half.ts';
import { GGUF_TYPES, type GgufType } from '../convert-options.ts';
import type { Losses } from '../losses.ts';
import {
  type CodeRows,
  codeRows,
  type FloatRows,
  floatRows,
  type Rows,
  reorderedRows,
  scaledRows,
} from './matrix-rows.ts';
import type { Slot } from './model-slots.ts';
import type { SurveyedMatrix } from './survey.ts';

/** A projection's place in the model. */
export type ProjectionSlot = Slot & { kind: 'projection' };

/** The rows of projections of one source, in the order that a style of rotation asks for. */
export class ProjectionRows {
  readonly #model: OpenedModel;
  readonly #surveyed: ReadonlyMap<unknown, SurveyedMatrix>;
  readonly #style: RopeStyle;
  readonly #signal: AbortSignal | undefined;

  constructor(
    model: OpenedModel,
    surveyed: ReadonlyMap<unknown, SurveyedMatrix>,
    style: RopeStyle,
    signal: AbortSignal | undefined,
  ) {
    this.#model = model;
    this.#surveyed = surveyed;
    this.#style = style;
    this.#signal = signal;
  }

  /** What was found out about a projection. */
  of(slot: ProjectionSlot): SurveyedMatrix {
    return this.#surveyed.get(slot.source)!;
  }

  /** Its codes. */
  codes(slot: ProjectionSlot): CodeRows {
    const { source, divisor } = this.of(slot);
    return this.#ordered(slot, codeRows(source, divisor, this.#signal), (length) => new Uint8Array(length));
  }

  /** The weights that its codes stand for, or its own where it is dense. */
  weights(slot: ProjectionSlot): FloatRows {
    const { meaning, scale } = this.of(slot);
    return meaning === 'dense' ? this.latent(slot) : scaledRows(this.codes(slot), scale);
  }

  /** The float weights of the file. */
  latent(slot: ProjectionSlot): FloatRows {
    return this.#ordered(slot, floatRows(slot.source, this.#signal), (length) => new Float32Array(length));
  }

  #ordered<T extends Uint8Array | Float32Array>(
    slot: ProjectionSlot,
    rows: Rows<T>,
    allocate: (length: number) => T,
  ): Rows<T> {
    const { headLength, ropeStyle } = this.#model.config;
    if (!slot.isRotated || ropeStyle === this.#style) return rows;
    return reorderedRows(rows, headLength, this.#style, allocate);
  }
}

/** Whether all projections have or will have codes. */
export function isTernaryModel(surveyed: ReadonlyMap<unknown, SurveyedMatrix>): boolean {
  return [...surveyed.values()].every(({ meaning }) => meaning !== 'dense');
}

/**
 * Throws for a dense model that is to become ternary.
 *
 * @throws BitnetError `convert/dense`
 */
export function checkTernary(model: OpenedModel, surveyed: ReadonlyMap<unknown, SurveyedMatrix>): void {
  const dense = [...surveyed.values()].find(({ meaning }) => meaning === 'dense');
  if (dense === undefined) return;
  const { name, dtype } = dense.source.info;
  throw new BitnetError(
    'convert/dense',
    `${model.name} is not a ternary model: ${name} holds ordinary ${dtype} weights. Rounding them to -1, 0 and 1 after ` +
      'training leaves a model that writes nonsense, so it is not done; convert a model that was trained with ternary ' +
      'weights, keep the 16 bits (--type f16), or insist with --force',
    { details: { tensor: name } },
  );
}

/**
 * Throws when rows of a matrix do not fit the blocks of a type, and says which types they fit.
 *
 * @throws BitnetError `convert/type-impossible`
 */
export function checkFits(inventory: Inventory, dtype: GgufType): void {
  const matrices = inventory.layers.flatMap((layer) => Object.values(layer.matrices));
  const fits = (type: DType) => matrices.every(({ columns }) => columns % blockWeights(type) === 0);
  const bad = matrices.find(({ columns }) => columns % blockWeights(dtype) !== 0);
  if (bad === undefined) return;
  const others = Object.entries(GGUF_TYPES)
    .filter(([, type]) => type !== dtype && (isTernary(type) || type === 'F16') && fits(type))
    .map(([name]) => name);
  throw new BitnetError(
    'convert/type-impossible',
    `${bad.info.name} has rows of ${bad.columns} weights, and ${dtype} takes multiples of ${blockWeights(dtype)}; this model ` +
      `can be a GGUF file of type ${others.join(' or ')}, or a folder of type packed (the codes as they are, 2 bits each)`,
    { details: { tensor: bad.info.name, columns: bad.columns } },
  );
}

/**
 * Notes what rounding a scale to f16 does, and refuses scales for which f16 has nothing.
 *
 * @throws BitnetError `convert/scale-range`
 */
export function noteHalfScale(name: string, dtype: string, scale: number, losses: Losses): void {
  const rounded = halfToFloat(floatToHalf(scale));
  if (!Number.isFinite(rounded) || (rounded === 0 && scale !== 0)) {
    throw new BitnetError(
      'convert/scale-range',
      `${name} has the scale ${scale}, which the 16-bit scales of ${dtype} cannot hold; choose the type i2_s or packed`,
      { details: { tensor: name, scale } },
    );
  }
  const why = `are rounded, by at most 1/2048 of themselves: ${dtype} has 16-bit scales`;
  losses.add('scales', 'scales', why, rounded === scale ? 0 : 1, 1);
}
