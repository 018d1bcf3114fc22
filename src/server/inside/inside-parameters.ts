/** What requests to look inside a model say: numbers of an address's query, or of a body, within what any model could have. */
import { z } from 'zod';
import { MOST_TEXT_CHARACTERS } from '../../inside/inside.ts';
import { MATRIX_NAMES, type MatrixName, type TileRequest } from '../../inside/inside-facts.ts';

const WHOLE = 'must be a whole number';

/** A whole number as a query has it. */
const digits: z.ZodType<number> = z
  .custom<string>((value) => typeof value === 'string' && /^\d{1,9}$/.test(value), WHOLE)
  .transform(Number);
const whole: z.ZodType<number> = z.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  WHOLE,
);
const model = z.string().nullish();
const matrix = z.enum(MATRIX_NAMES);

/** The name of a model, or none for the first one. */
interface ModelNamed {
  readonly model?: string | null | undefined;
}

/** Of `GET /inside` and `GET /inside/counts`. */
export const modelQuery: z.ZodType<ModelNamed> = z.strictObject({ model });

/** Of `GET /inside/tile` and `GET /inside/shares`. */
export const tileQuery: z.ZodType<ModelNamed & Omit<TileRequest, 'name'> & { readonly matrix: MatrixName }> =
  z.strictObject({
    model,
    layer: digits,
    matrix,
    row: digits,
    rows: digits,
    column: digits,
    columns: digits,
    step: digits.default(1),
  });

/** Of `POST /inside/dot`. */
export const dotBody: z.ZodType<
  ModelNamed & {
    readonly layer: number;
    readonly matrix: MatrixName;
    readonly row: number;
    readonly text: string;
  }
> = z.strictObject({
  model,
  layer: whole,
  matrix,
  row: whole,
  text: z.string().max(MOST_TEXT_CHARACTERS),
});
