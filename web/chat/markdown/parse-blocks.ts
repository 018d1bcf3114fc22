/**
 * Parses pieces of an answer as Markdown with GitHub's extensions (CommonMark 0.31, GFM 0.29) into a syntax tree. Nothing in
 * it is HTML: markup stays text. Some texts cost a parser the square of their length; those are refused, to be shown plainly.
 */
import type { Definition, Nodes, RootContent } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';

/** What was parsed, with offsets in the source. */
export interface ParsedBlock {
  readonly node: RootContent;
  readonly start: number;
  readonly end: number;
}

/** More of these in one piece than anybody writes, where a parser takes seconds. */
const MAX_BRACKETS = 300;
const MAX_EMPHASIS = 250;
const MAX_CONTAINERS = 10;
/** Lines like `> > - - 1. 1. text` */
const CONTAINERS = /^(?:[ \t]{0,3}(?:>|[-+*](?=\s)|\d{1,9}[.)](?=\s)))+/gm;
const CONTAINER = />|[-+*]|\d+[.)]/g;

const OPTIONS = {
  extensions: [gfm(), { disable: { null: ['htmlFlow', 'htmlText'] } }],
  mdastExtensions: [gfmFromMarkdown()],
};

/** True when parsing it could take long. */
export function isIntricate(source: string): boolean {
  if ((source.match(/[[\]]/g)?.length ?? 0) > MAX_BRACKETS) return true;
  if ((source.match(/[*_~]+/g)?.length ?? 0) > MAX_EMPHASIS) return true;
  return (source.match(CONTAINERS) ?? []).some(
    (line) => (line.match(CONTAINER)?.length ?? 0) > MAX_CONTAINERS,
  );
}

/**
 * The top-level blocks of a piece that is not {@link isIntricate}.
 *
 * @param definitions Markdown of definitions of other pieces, which this one may refer to; may be empty
 */
export function parseBlocks(source: string, definitions: string): ParsedBlock[] {
  const prefix = definitions !== '' && source.includes('[') ? `${definitions}\n` : '';
  const root = fromMarkdown(prefix + source, OPTIONS);
  resolveReferences(root);
  return root.children.flatMap((node) => {
    const start = (node.position?.start.offset ?? 0) - prefix.length;
    const end = (node.position?.end.offset ?? 0) - prefix.length;
    return start < 0 ? [] : [{ node, start, end }];
  });
}

/** Puts links and images in the place of references to them. */
function resolveReferences(root: Nodes): void {
  const definitions = new Map<string, Definition>();
  const references: { readonly node: Nodes; readonly identifier: string }[] = [];
  const open: Nodes[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'definition' && !definitions.has(node.identifier))
      definitions.set(node.identifier, node);
    if (node.type === 'linkReference' || node.type === 'imageReference') {
      references.push({ node, identifier: node.identifier });
    }
    if ('children' in node) for (let i = node.children.length - 1; i >= 0; i--) open.push(node.children[i]!);
  }
  for (const { node, identifier } of references) {
    const url = definitions.get(identifier)?.url ?? '';
    Object.assign(node, { type: node.type === 'linkReference' ? 'link' : 'image', url });
  }
}

/** How many nodes there are from this one downwards. */
export function countNodes(node: Nodes): number {
  let count = 0;
  const open: Nodes[] = [node];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    count++;
    if ('children' in one) open.push(...one.children);
  }
  return count;
}

/** The text of a node without markup. */
export function plainText(node: Nodes): string {
  let text = '';
  const open: Nodes[] = [node];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if ('value' in one) text += one.value;
    else if (one.type === 'image') text += one.alt ?? '';
    else if (one.type === 'break') text += '\n';
    else if ('children' in one)
      for (let i = one.children.length - 1; i >= 0; i--) open.push(one.children[i]!);
  }
  return text;
}
