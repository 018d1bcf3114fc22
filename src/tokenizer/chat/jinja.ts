/**
 * The parts of @huggingface/jinja that this folder uses, with types. Its own declarations import files without
 * extensions, which TypeScript cannot resolve in an ES module package, so all of them are `any`; the shapes here are
 * those of its version 0.5.
 */
import * as jinja from '@huggingface/jinja';

/** A node of a parsed template; its children have other names for every type. */
export interface Node {
  readonly type: string;
}

/** A value of the interpreter: `value` is a string, number, boolean, list, Map, function, null or undefined. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** A scope of variables. */
export interface Environment {
  readonly parent?: Environment;
  readonly variables: Map<string, Value>;
  /** Converts a JavaScript value and declares it. @throws SyntaxError when the name is taken */
  set(name: string, value: unknown): Value;
}

/** The interpreter: every node of a template, the template itself included, goes through `evaluate`. */
export interface Interpreter {
  run(program: Node): Value;
  evaluate(node: Node | undefined, environment: Environment): Value;
}

/** The class of scopes. */
export const Environment: new () => Environment = jinja.Environment;

/** The class of interpreters. */
export const Interpreter: new (environment: Environment) => Interpreter = jinja.Interpreter;

/**
 * The syntax tree of a template, with the whitespace rules of Hugging Face's rendering.
 *
 * @throws Error of any kind when it is not valid
 */
export function parseTemplate(source: string): Node {
  const { parsed }: { parsed: Node } = new jinja.Template(source);
  return parsed;
}

/** A node that stands for a value which is already known; only the guarded interpreter understands it. */
export function constant(value: Value): Node {
  const node: Node & { value: Value } = { type: 'Constant', value };
  return node;
}

/** A copy of a node with other children. */
export function withParts(node: Node, parts: Readonly<Record<string, unknown>>): Node {
  return { ...node, ...parts };
}

/** A child of a node, by its name in the library's syntax tree. */
export function part(node: Node, name: string): unknown {
  return (node as unknown as Record<string, unknown>)[name];
}
