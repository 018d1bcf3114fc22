/** Strings of a schema as rules. */
import type { JsonGrammar } from '../grammar/json-grammar.ts';
import { ANY_CHARACTER } from '../grammar/utf8-classes.ts';
import { parseRegex, type RegexNode } from '../regex/parse-regex.ts';
import { maximumLength, minimumLength, wholeText, withoutAnchors } from '../regex/regex-grammar.ts';
import { count, invalidSchema, type SchemaNode, type SchemaObject, unsupported } from './schema-node.ts';
import { STRING_FORMATS } from './string-formats.ts';

const ANY: RegexNode = { kind: 'class', ranges: ANY_CHARACTER };

/** Alternatives for strings. Lengths count code points. */
export function stringRule(json: JsonGrammar, node: SchemaNode, schema: SchemaObject): string {
  const min = count(node, schema, 'minLength') ?? 0;
  const max = count(node, schema, 'maxLength') ?? Number.POSITIVE_INFINITY;
  if (min > max) throw invalidSchema(`${node.pointer}/minLength`, 'is above maxLength');
  const expression = expressionOf(node, schema);
  if (expression === undefined) {
    if (min === 0 && max === Number.POSITIVE_INFINITY) return json.string;
    return `"\\"" ${boundedRest(json, min, max)}`;
  }
  const keyword = schema.pattern === undefined ? 'format' : 'pattern';
  if (minimumLength(expression) < min) {
    throw unsupported(
      'minLength',
      `${node.pointer}/minLength`,
      `is not enforced beside a ${keyword} that allows shorter text`,
    );
  }
  if (maximumLength(expression) > max) {
    throw unsupported(
      'maxLength',
      `${node.pointer}/maxLength`,
      `is not enforced beside a ${keyword} that allows longer text`,
    );
  }
  const text = `${keyword} ${String(schema[keyword])}`;
  return `"\\"" ${json.rules.shared(text, () => json.strings.write(expression, json.quote))}`;
}

/** Between two numbers of characters and the closing quote; the rules of what is left are shared by all strings. */
function boundedRest(json: JsonGrammar, min: number, max: number): string {
  const { rules, strings, quote } = json;
  const optional = max - min;
  const isOpen = optional === Number.POSITIVE_INFINITY;
  let rest = quote;
  if (isOpen) {
    rest = rules.shared('text-rest', () =>
      strings.write({ kind: 'repeat', part: ANY, min: 0, max: Number.POSITIVE_INFINITY }, quote),
    );
  } else {
    for (let i = 1; i <= optional; i++) {
      const next = rest;
      rest = rules.shared(`text-rest 0 ${i}`, () => `${strings.alternatives(ANY, next)} | ${quote}`);
    }
  }
  for (let i = 1; i <= min; i++) {
    const next = rest;
    rest = rules.shared(`text-rest ${i} ${optional}`, () => strings.alternatives(ANY, next));
  }
  return rest;
}

function expressionOf(node: SchemaNode, schema: SchemaObject): RegexNode | undefined {
  const { pattern, format } = schema;
  if (pattern !== undefined && format !== undefined) {
    throw unsupported('format', `${node.pointer}/format`, 'is not enforced beside a pattern');
  }
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw invalidSchema(`${node.pointer}/pattern`, 'is not a string');
    return wholeText(parseRegex(pattern));
  }
  if (format === undefined) return undefined;
  const known = typeof format === 'string' && Object.hasOwn(STRING_FORMATS, format);
  if (!known) {
    const names = Object.keys(STRING_FORMATS).join(', ');
    throw unsupported('format', `${node.pointer}/format`, `is none of those that are enforced (${names})`);
  }
  return withoutAnchors(parseRegex(STRING_FORMATS[format]!));
}
