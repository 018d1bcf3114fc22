/**
 * Which keywords of JSON Schema (2020-12) are enforced, and which say nothing about a value. All others are refused. The
 * table of docs/server/structured-output.md is tested against this one.
 */

/** Enforced, by the type of value that they apply to; `any` for all. */
export const ENFORCED: Readonly<Record<'any' | 'object' | 'array' | 'string' | 'number', readonly string[]>> =
  {
    any: ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'],
    object: [
      'properties',
      'required',
      'additionalProperties',
      'propertyNames',
      'minProperties',
      'maxProperties',
    ],
    array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
    string: ['minLength', 'maxLength', 'pattern', 'format'],
    number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  };

/** Without effect on what is valid, or places for schemas that others refer to. */
export const ANNOTATIONS: readonly string[] = [
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
];

/** Known keywords that are refused; named in the docs. */
export const REFUSED: readonly string[] = [
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedProperties',
  'unevaluatedItems',
  'additionalItems',
  'contains',
  'minContains',
  'maxContains',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  '$anchor',
  '$dynamicRef',
  '$dynamicAnchor',
  '$recursiveRef',
  'nullable',
];
