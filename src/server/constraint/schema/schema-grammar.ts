/**
 * JSON schemas as grammars whose every text satisfies them. What a grammar cannot enforce is refused by its name and
 * place. The grammar may allow less than the schema: properties come in the schema's order, objects that list properties
 * have no others unless `additionalProperties` says so, and numbers have at most 15 digits.
 */
import type { JsonGrammar } from '../grammar/json-grammar.ts';
import { arrayRule, objectRule } from './container-schema.ts';
import { checkDisjoint } from './disjoint.ts';
import { ENFORCED } from './keywords.ts';
import { numberRule } from './number-schema.ts';
import {
  checkSize,
  FiniteCheck,
  hasType,
  invalidSchema,
  objectOf,
  part,
  type RuleWriter,
  resolve,
  type SchemaNode,
  type SchemaObject,
  unsupported,
} from './schema-node.ts';
import { stringRule } from './string-schema.ts';

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
type JsonType = (typeof TYPES)[number];
/** What may stand beside a keyword that says everything about a value. */
const ALONE: readonly string[] = Object.values(ENFORCED).flat();

/** Writes the rules of one schema document. */
export class SchemaWriter implements RuleWriter {
  readonly json: JsonGrammar;
  readonly root: unknown;

  /** @throws BitnetError `schema/too-large`, `schema/invalid` when no finite value satisfies the schema */
  constructor(json: JsonGrammar, root: unknown) {
    checkSize(root);
    this.json = json;
    this.root = root;
    if (!new FiniteCheck(root).isFinite(root))
      throw invalidSchema('#', 'needs itself within itself: no finite value satisfies it');
  }

  /**
   * The rule of a schema.
   *
   * @throws BitnetError `schema/unsupported`, `schema/invalid`, `schema/too-large`, `regex/invalid`
   */
  rule(node: SchemaNode): string {
    const schema = objectOf(node);
    if (schema.$ref !== undefined) return this.#reference(node, schema);
    for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
      if (schema[keyword] !== undefined) return this.#union(node, schema, keyword);
    }
    if (schema.const !== undefined || Object.hasOwn(schema, 'const')) {
      return this.#values(node, schema, 'const', [schema.const]);
    }
    if (schema.enum !== undefined) {
      if (!Array.isArray(schema.enum)) throw invalidSchema(`${node.pointer}/enum`, 'is not a list');
      return this.#values(node, schema, 'enum', schema.enum);
    }
    const types = typesOf(node, schema);
    if (types === undefined) return this.json.value;
    return this.json.rules.add(types.map((type) => this.#typed(type, node, schema)).join(' | '));
  }

  #reference(node: SchemaNode, schema: SchemaObject): string {
    checkAlone(node, schema, '$ref');
    const target = resolve(this.root, schema.$ref, node.pointer);
    return this.json.rules.shared(`$ref ${this.#identity(target)}`, () => this.rule(target));
  }

  /** Documents share a grammar, so that a pointer alone is no name. */
  #identity(target: SchemaNode): string {
    return `${documentNumber(this.root)} ${target.pointer}`;
  }

  #union(node: SchemaNode, schema: SchemaObject, keyword: string): string {
    checkAlone(node, schema, keyword);
    const ways = schema[keyword];
    if (!Array.isArray(ways) || ways.length === 0) {
      throw invalidSchema(`${node.pointer}/${keyword}`, 'is not a list of schemas');
    }
    const nodes = ways.map((_, i) => part(node, keyword, i));
    if (keyword === 'allOf' && ways.length > 1) {
      throw unsupported('allOf', `${node.pointer}/allOf`, 'is enforced for one schema only');
    }
    if (keyword === 'oneOf') checkDisjoint(this.root, nodes, node.pointer);
    return this.json.rules.union(nodes, (way) => this.rule(way));
  }

  #values(node: SchemaNode, schema: SchemaObject, keyword: string, values: readonly unknown[]): string {
    checkAlone(node, schema, keyword, ['type']);
    const types = schema.type === undefined ? undefined : typesOf(node, schema);
    const some = values.filter((value) => types === undefined || types.some((type) => hasType(value, type)));
    if (some.length === 0) throw invalidSchema(`${node.pointer}/${keyword}`, 'has no value of its type');
    return this.json.rules.add(this.json.rules.listed(some.map((value) => JSON.stringify(value))));
  }

  #typed(type: JsonType, node: SchemaNode, schema: SchemaObject): string {
    switch (type) {
      case 'object':
        return objectRule(this, node, schema);
      case 'array':
        return arrayRule(this, node, schema);
      case 'string':
        return stringRule(this.json, node, schema);
      case 'boolean':
        return '"true" | "false"';
      case 'null':
        return '"null"';
      default:
        return numberRule(this.json, type, node, schema);
    }
  }
}

const documents = new WeakMap<object, number>();
let documentCount = 0;

function documentNumber(root: unknown): number {
  if (typeof root !== 'object' || root === null) return 0;
  const known = documents.get(root) ?? ++documentCount;
  documents.set(root, known);
  return known;
}

/** Refuses keywords beside one that says everything about a value. */
function checkAlone(
  node: SchemaNode,
  schema: SchemaObject,
  keyword: string,
  others: readonly string[] = [],
): void {
  for (const key of Object.keys(schema)) {
    if (key === keyword || others.includes(key) || !ALONE.includes(key)) continue;
    throw unsupported(key, `${node.pointer}/${key}`, `is not enforced beside ${keyword}`);
  }
}

/** Types of a schema's values: its own, or those that its keywords speak of; undefined for any. */
function typesOf(node: SchemaNode, schema: SchemaObject): readonly JsonType[] | undefined {
  if (schema.type === undefined) {
    const families = (['object', 'array', 'string', 'number'] as const).filter((family) =>
      ENFORCED[family].some((keyword) => schema[keyword] !== undefined),
    );
    return families.length === 0 ? undefined : families;
  }
  const types: unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const known = TYPES.filter((type) => types.includes(type));
  if (known.length === 0 || types.some((type) => !TYPES.includes(type as JsonType))) {
    throw invalidSchema(`${node.pointer}/type`, `is none of ${TYPES.join(', ')}`);
  }
  return known.includes('number') ? known.filter((type) => type !== 'integer') : known;
}
