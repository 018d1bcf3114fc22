/**
 * One walk over a parsed template for what the guard must know before it runs: which values are written to the output,
 * and how large macros are, whose whole body the interpreter searches each time they are defined.
 */
import { BitnetError } from '../../base/errors.ts';
import type { Node } from './jinja.ts';

/** Facts about the nodes of one template. */
export interface TemplateOutline {
  /** Nodes whose value becomes part of the text. */
  readonly outputs: ReadonlySet<Node>;
  /** Number of nodes below each macro and call block. */
  readonly bodySizes: ReadonlyMap<Node, number>;
}

/** Deeper templates would exhaust the stack; those in use stay below 60. */
const MAX_NESTING = 500;
const BODIES: ReadonlySet<string> = new Set(['body', 'alternate', 'defaultBlock']);

/**
 * The outline of a template.
 *
 * @throws BitnetError `template/syntax` when it is nested too deeply
 */
export function outlineOf(program: Node): TemplateOutline {
  const outputs = new Set<Node>();
  const bodySizes = new Map<Node, number>();
  const count = (tree: unknown, depth: number): number => {
    if (typeof tree !== 'object' || tree === null) return 0;
    if (depth > MAX_NESTING) {
      throw new BitnetError(
        'template/syntax',
        `the model's chat template is nested more than ${MAX_NESTING} levels deep`,
      );
    }
    const children: [unknown, unknown][] = tree instanceof Map ? [...tree] : Object.entries(tree);
    let size = 1;
    for (const [name, child] of children) {
      if (BODIES.has(String(name)) && Array.isArray(child))
        for (const node of child) outputs.add(node as Node);
      size += count(child, depth + 1) + (tree instanceof Map ? count(name, depth + 1) : 0);
    }
    const type: unknown = 'type' in tree ? tree.type : undefined;
    if (type === 'Macro' || type === 'CallStatement') bodySizes.set(tree as Node, size);
    return size;
  };
  count(program, 0);
  return { outputs, bodySizes };
}
