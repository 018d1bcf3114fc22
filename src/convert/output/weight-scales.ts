/**
 * The numbers that go into `weight_scale` of a packed folder. Whoever reads them multiplies by them (`autobitlinear`) or
 * divides by them (`bitlinear`, which published Llama and Falcon models have); 1/s has no exact inverse for every s, so
 * a model keeps the second kind only where the way back gives every scale bit for bit.
 */
import { bfloat16ToFloat, floatToBfloat16 } from '../../tensor/half.ts';
import type { ProjectionSlot } from '../source/projections.ts';
import type { Source } from '../source/source-model.ts';

/** See above. */
export interface StoredScales {
  /** Whether readers divide by them. */
  readonly divide: boolean;
  readonly values: ReadonlyMap<ProjectionSlot, number>;
}

/** The scales of all projections, which have codes. */
export function storedScales({ model, slots, surveyed }: Source): StoredScales {
  const projections = slots.filter((slot) => slot.kind === 'projection');
  const scales = new Map(projections.map((slot) => [slot, surveyed.get(slot.source)!.scale]));
  if (model.architecture.isAlwaysTernary) return { divide: false, values: scales };
  const inverses = new Map<ProjectionSlot, number>();
  for (const [slot, scale] of scales) {
    const inverse = inverseOf(scale);
    if (inverse === undefined) return { divide: false, values: scales };
    inverses.set(slot, inverse);
  }
  return { divide: true, values: inverses };
}

/** The float32 whose reciprocal is `scale`, a bfloat16 if there is one; undefined when there is none. */
export function inverseOf(scale: number): number | undefined {
  const near = Math.fround(1 / scale);
  if (!Number.isFinite(near)) return undefined;
  const short = bfloat16ToFloat(floatToBfloat16(near));
  const step = Math.abs(near) * 2 ** -23;
  return [short, near, Math.fround(near + step), Math.fround(near - step)].find(
    (stored) => Math.fround(1 / stored) === scale,
  );
}
