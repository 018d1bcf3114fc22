/** Numbers of a schema as rules. */
import type { JsonGrammar } from '../grammar/json-grammar.ts';
import {
  ANY_INTEGER,
  BOUND_FRACTION_DIGITS,
  integerPattern,
  LARGEST_WHOLE,
  type NumberBounds,
  numberPattern,
} from './number-ranges.ts';
import { invalidSchema, type SchemaNode, type SchemaObject, unsupported } from './schema-node.ts';

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

/** Alternatives for numbers. */
export function numberRule(
  json: JsonGrammar,
  type: 'number' | 'integer',
  node: SchemaNode,
  schema: SchemaObject,
): string {
  const { multipleOf } = schema;
  if (multipleOf !== undefined && !(type === 'integer' && multipleOf === 1)) {
    throw unsupported('multipleOf', `${node.pointer}/multipleOf`);
  }
  for (const keyword of BOUNDS) checkBound(node, schema, keyword);
  const isFree = BOUNDS.every((keyword) => schema[keyword] === undefined);
  if (isFree) return type === 'integer' ? json.expression(ANY_INTEGER) : json.number;
  const bounds = boundsOf(schema);
  const pattern = type === 'integer' ? integerPattern(...wholeBounds(bounds)) : numberPattern(bounds);
  if (pattern === undefined) throw invalidSchema(node.pointer, 'has bounds that no number satisfies');
  return json.expression(pattern);
}

function checkBound(node: SchemaNode, schema: SchemaObject, keyword: (typeof BOUNDS)[number]): void {
  const value = schema[keyword];
  if (value === undefined) return;
  const pointer = `${node.pointer}/${keyword}`;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidSchema(pointer, 'is not a number');
  const isLow = keyword === 'minimum' || keyword === 'exclusiveMinimum';
  if (isLow ? value >= LARGEST_WHOLE : value <= -LARGEST_WHOLE) {
    throw unsupported(
      keyword,
      pointer,
      `leaves only numbers of more than ${String(LARGEST_WHOLE).length} digits`,
    );
  }
  const isExact = Math.abs(value) >= LARGEST_WHOLE || Number(value.toFixed(BOUND_FRACTION_DIGITS)) === value;
  if (!isExact) throw unsupported(keyword, pointer, `has more than ${BOUND_FRACTION_DIGITS} decimal places`);
}

function boundsOf(schema: SchemaObject): NumberBounds {
  const value = (keyword: (typeof BOUNDS)[number], otherwise: number) => Number(schema[keyword] ?? otherwise);
  const [above, below] = [
    value('exclusiveMinimum', Number.NEGATIVE_INFINITY),
    value('exclusiveMaximum', Number.POSITIVE_INFINITY),
  ];
  const [from, to] = [value('minimum', Number.NEGATIVE_INFINITY), value('maximum', Number.POSITIVE_INFINITY)];
  return {
    low: Math.max(-LARGEST_WHOLE, above, from),
    high: Math.min(LARGEST_WHOLE, below, to),
    lowExcluded: above >= from && above > -LARGEST_WHOLE,
    highExcluded: below <= to && below < LARGEST_WHOLE,
  };
}

/** The whole numbers within bounds, by their first and last. */
function wholeBounds({ low, high, lowExcluded, highExcluded }: NumberBounds): [number, number] {
  return [
    lowExcluded ? Math.floor(low) + 1 : Math.ceil(low),
    highExcluded ? Math.ceil(high) - 1 : Math.floor(high),
  ];
}
