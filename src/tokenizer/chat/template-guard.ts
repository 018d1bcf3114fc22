/**
 * Runs a chat template inside limits. Templates come with models and are untrusted: the interpreter of
 * @huggingface/jinja never evaluates JavaScript, but by itself it would follow `range(10**9)`, endless recursion or
 * strings that double in every line. Every node of a template is evaluated through one method of that interpreter; here
 * it is overridden to charge a budget of work before anything expensive happens.
 *
 * One unit is about one evaluated node, 0.1 to 0.5 microseconds. Steps that take longer than that are charged by the
 * size of what they read and by the most that they can produce, before they run.
 */
import { BitnetError } from '../../base/errors.ts';
import { constant, type Environment, Interpreter, type Node, part, type Value, withParts } from './jinja.ts';
import type { TemplateOutline } from './template-outline.ts';

type NativeFunction = (args: Value[], scope: Environment) => Value;

/** What a rendering may cost. */
export interface TemplateLimits {
  /** Units of work. */
  readonly work: number;
  /** UTF-16 units of the longest text that may come up, the output included. */
  readonly textUnits: number;
}

/** Nested evaluations, calls of macros included; templates in use stay below 60. */
const MAX_DEPTH = 400;
/** Characters that are copied or compared for one unit. */
const CHARACTERS_PER_UNIT = 16;
/** Filters whose result can be larger than their operand, or that compare all its parts. */
const WEIGHED_FILTERS: ReadonlySet<string> = new Set([
  'replace',
  'join',
  'indent',
  'tojson',
  'string',
  'sort',
  'dictsort',
  'unique',
]);
/** Filters that do not look into their operand. */
const CHEAP_FILTERS: ReadonlySet<string> = new Set(['default', 'first', 'last', 'length', 'list', 'safe']);
/** Kinds of nodes whose value exists already. */
const LOOKUPS: ReadonlySet<string> = new Set(['Identifier', 'MemberExpression', 'StringLiteral']);

function tooMuch(what: string): BitnetError {
  return new BitnetError(
    'template/too-much-work',
    `the model's chat template ${what}; it is damaged or hostile, choose another template`,
  );
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value?.value === 'string' ? value.value : undefined;
}

/** Elements of a list or entries of an object. */
function itemsOf(value: Value | undefined): number {
  const content: unknown = value?.value;
  if (Array.isArray(content)) return content.length;
  return content instanceof Map ? content.size : 0;
}

/** An interpreter that stops when its budget is spent; made for one rendering. */
export class GuardedInterpreter extends Interpreter {
  readonly #limits: TemplateLimits;
  readonly #outline: TemplateOutline;
  #work = 0;
  #depth = 0;

  constructor(environment: Environment, limits: TemplateLimits, outline: TemplateOutline) {
    super(environment);
    this.#limits = limits;
    this.#outline = outline;
  }

  /** Spends work. @throws BitnetError `template/too-much-work` when there is none left */
  charge(units: number): void {
    this.#work += units;
    if (!(this.#work <= this.#limits.work)) throw tooMuch('does more work than any known template needs');
  }

  /** @throws BitnetError `template/too-much-work`; whatever the library throws for faults of the template */
  override evaluate(node: Node | undefined, environment: Environment): Value {
    if (node?.type === 'Constant') return part(node, 'value') as Value;
    this.#depth++;
    if (this.#depth > MAX_DEPTH)
      throw tooMuch(`is nested or calls itself more than ${MAX_DEPTH} levels deep`);
    // Deep scopes make every look-up of a variable slower.
    this.charge(1 + this.#depth / 16);
    try {
      const value = this.#dispatch(node, environment);
      this.#checkResult(node, value);
      return value;
    } finally {
      // `break` and `continue` are exceptions that loops catch.
      this.#depth--;
    }
  }

  #dispatch(node: Node | undefined, environment: Environment): Value {
    switch (node?.type) {
      case 'Identifier':
        return this.#lookUp(node, environment);
      case 'For':
        return this.#loop(node, environment);
      case 'MemberExpression':
        return this.#member(node, environment);
      case 'CallExpression':
        return super.evaluate(this.#withKnownArguments(node, environment).node, environment);
      case 'CallStatement':
        return this.#callBlock(node, environment);
      case 'FilterExpression':
        return this.#filter(node, this.evaluate(part(node, 'operand') as Node, environment), environment);
      case 'FilterStatement': {
        const block = { type: 'Program', body: part(node, 'body') } as Node;
        const operand = this.evaluate(block, environment);
        return this.#filter(withParts(node, { type: 'FilterExpression' }), operand, environment);
      }
      case 'TestExpression':
        return this.#test(node, environment);
      case 'BinaryExpression':
        return this.#binary(node, environment);
      case 'Macro':
        this.charge(this.#outline.bodySizes.get(node) ?? 0);
        return super.evaluate(node, environment);
      case 'Break':
      case 'Continue':
        // The library throws errors with stack traces for these.
        this.charge(30);
        return super.evaluate(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  #checkResult(node: Node | undefined, value: Value | undefined): void {
    const text = textOf(value);
    if (text !== undefined) {
      this.#checkLength(text.length);
      if (!LOOKUPS.has(node?.type ?? '')) this.charge(text.length / CHARACTERS_PER_UNIT);
    } else if (node !== undefined && this.#outline.outputs.has(node)) {
      this.#chargeText(value);
    }
  }

  #checkLength(units: number): void {
    if (units > this.#limits.textUnits) throw tooMuch(`makes a text of up to ${units} characters`);
  }

  /**
   * Charges for turning a value into text, as JSON or by joining, before that happens. Parts that are used twice count
   * twice, as they do in the text.
   *
   * @param padding characters that are added per level of nesting of every part
   */
  #chargeText(value: Value | undefined, padding = 0): void {
    const limit = this.#limits.textUnits;
    const pending: { part: Value | undefined; depth: number }[] = [{ part: value, depth: 1 }];
    let units = 0;
    let parts = 0;
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const content: unknown = next.part?.value;
      const depth = next.depth + 1;
      units += 8 + padding * depth;
      parts++;
      if (typeof content === 'string') units += content.length;
      if (Array.isArray(content)) for (const item of content) pending.push({ part: item, depth });
      if (content instanceof Map) {
        for (const [key, item] of content) {
          units += String(key).length;
          pending.push({ part: item, depth });
        }
      }
      this.#checkLength(Math.max(units, Math.min(parts + pending.length, limit + 1)));
    }
    this.charge(parts + units / CHARACTERS_PER_UNIT);
  }

  /** The library finds out by exceptions that a variable is undefined, which is a hundred times slower. */
  #lookUp(node: Node, environment: Environment): Value {
    const name = part(node, 'value') as string;
    for (let scope: Environment | undefined = environment; scope !== undefined; scope = scope.parent) {
      const value = scope.variables.get(name);
      if (value !== undefined) return value;
    }
    return super.evaluate(undefined, environment);
  }

  #loop(node: Node, environment: Environment): Value {
    const iterable = part(node, 'iterable') as Node;
    const isFiltered = iterable.type === 'SelectExpression';
    const list = this.evaluate((isFiltered ? part(iterable, 'lhs') : iterable) as Node, environment);
    this.charge(8 * itemsOf(list));
    const known = isFiltered ? withParts(iterable, { lhs: constant(list) }) : constant(list);
    return super.evaluate(withParts(node, { iterable: known }), environment);
  }

  #member(node: Node, environment: Environment): Value {
    const object = this.evaluate(part(node, 'object') as Node, environment);
    const property = part(node, 'property') as Node;
    if (property.type === 'SliceExpression') this.charge(itemsOf(object) + (textOf(object)?.length ?? 0));
    const value = super.evaluate(withParts(node, { object: constant(object) }), environment);
    if (value.type !== 'FunctionValue') return value;
    this.charge(8);
    const name = part(node, 'computed') === true ? '' : (part(property, 'value') as string);
    const method = value.value as unknown as NativeFunction;
    const guarded: NativeFunction = (args, scope) => {
      this.#chargeOperation(object, args);
      if (name !== 'get' && itemsOf(object) > 0) this.#chargeText(object);
      return method(args, scope);
    };
    return new (value.constructor as new (method: NativeFunction) => Value)(guarded);
  }

  #callBlock(node: Node, environment: Environment): Value {
    this.charge(this.#outline.bodySizes.get(node) ?? 0);
    const call = this.#withKnownArguments(part(node, 'call') as Node, environment);
    return super.evaluate(withParts(node, { call: call.node }), environment);
  }

  #filter(node: Node, operand: Value, environment: Environment): Value {
    const filter = part(node, 'filter') as Node;
    const isCall = filter.type === 'CallExpression';
    const name = part((isCall ? part(filter, 'callee') : filter) as Node, 'value') as string;
    if (CHEAP_FILTERS.has(name)) {
      return super.evaluate(withParts(node, { operand: constant(operand) }), environment);
    }
    let known = filter;
    let args: readonly Value[] = [];
    if (isCall && WEIGHED_FILTERS.has(name)) {
      ({ node: known, args } = this.#withKnownArguments(filter, environment));
    }
    this.#chargeOperation(operand, args);
    if (WEIGHED_FILTERS.has(name)) this.#chargeText(operand, largest(args));
    return super.evaluate(withParts(node, { operand: constant(operand), filter: known }), environment);
  }

  /** A call whose arguments are evaluated already, so that they can be weighed before the call. */
  #withKnownArguments(call: Node, environment: Environment): { node: Node; args: Value[] } {
    const args: Value[] = [];
    const known = (part(call, 'args') as Node[]).map((argument) => {
      const isKeyword = argument.type === 'KeywordArgumentExpression';
      const isSpread = argument.type === 'SpreadExpression' || argument.type === 'KeywordSpreadExpression';
      const child = isKeyword ? 'value' : isSpread ? 'argument' : undefined;
      const inner = child === undefined ? argument : (part(argument, child) as Node);
      const value = this.evaluate(inner, environment);
      args.push(value);
      this.charge(itemsOf(value));
      return child === undefined ? constant(value) : withParts(argument, { [child]: constant(value) });
    });
    return { node: withParts(call, { args: known }), args };
  }

  /** Charges for the most that a method or a filter can read and make of its receiver and arguments. */
  #chargeOperation(receiver: Value, args: readonly Value[]): void {
    const text = textOf(receiver);
    if (text === undefined) {
      this.charge(4 * itemsOf(receiver));
      return;
    }
    // Splitting makes an object per character at worst; replacing puts an argument between all characters.
    const produced = text.length + occurrences(text, textOf(args[0])) * largest(args);
    this.#checkLength(produced);
    this.charge(text.length / 2 + produced / CHARACTERS_PER_UNIT);
  }

  #test(node: Node, environment: Environment): Value {
    const operand = this.evaluate(part(node, 'operand') as Node, environment);
    const name = part(part(node, 'test') as Node, 'value');
    if (name === 'lower' || name === 'upper')
      this.charge((textOf(operand)?.length ?? 0) / CHARACTERS_PER_UNIT);
    return super.evaluate(withParts(node, { operand: constant(operand) }), environment);
  }

  #binary(node: Node, environment: Environment): Value {
    const operator = (part(node, 'operator') as { value: string }).value;
    const left = this.evaluate(part(node, 'left') as Node, environment);
    if (operator === 'and' || operator === 'or') {
      return super.evaluate(withParts(node, { left: constant(left) }), environment);
    }
    const right = this.evaluate(part(node, 'right') as Node, environment);
    const [leftUnits, rightUnits] = [textOf(left)?.length ?? 0, textOf(right)?.length ?? 0];
    if (operator === 'in' || operator === 'not in') {
      this.charge(itemsOf(right) + rightUnits / CHARACTERS_PER_UNIT);
    } else {
      this.charge(Math.min(leftUnits, rightUnits) / CHARACTERS_PER_UNIT + itemsOf(left) + itemsOf(right));
      // A list that meets something else than a list becomes text.
      const lists = [left, right].filter((value) => Array.isArray(value?.value));
      if (lists.length === 1) this.#chargeText(lists[0]);
      if (operator === '~') for (const list of lists) this.#chargeText(list);
    }
    return super.evaluate(withParts(node, { left: constant(left), right: constant(right) }), environment);
  }
}

/** How often a text can contain another one, when that is to be replaced. */
function occurrences(text: string, searched: string | undefined): number {
  if (searched === undefined || searched === '') return text.length + 1;
  return Math.floor(text.length / searched.length);
}

/** The length of the longest text or the largest number (of spaces) among arguments and lists of them. */
function largest(args: readonly Value[]): number {
  let most = 0;
  for (const arg of args) {
    const content: unknown = arg?.value;
    const inner = Array.isArray(content) ? content : content instanceof Map ? [...content.values()] : [arg];
    for (const item of inner as (Value | undefined)[]) {
      const size: unknown = typeof item?.value === 'string' ? item.value.length : item?.value;
      if (typeof size === 'number') most = Math.max(most, Math.abs(size));
    }
  }
  return most;
}
