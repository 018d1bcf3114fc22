/**
 * Colours code with highlight.js's grammars in a worker of its own: some of them take long, and a few texts make them take for
 * ever, which must not be the page's trouble. It answers with plain pieces of text; no markup crosses.
 */
import type { ElementContent, Root } from 'hast';
import { common, createLowlight } from 'lowlight';
import { type CodeKind, type CodeRun, partEnds, splitRuns } from './code-parts.ts';

/** What is asked. */
export interface HighlightRequest {
  readonly id: number;
  readonly language: string;
  readonly code: string;
}

/** The parts; undefined for a language that is not known. */
export interface HighlightAnswer {
  readonly id: number;
  readonly parts: readonly (readonly CodeRun[])[] | undefined;
}

const KINDS: Readonly<Record<string, CodeKind>> = {
  keyword: 'keyword',
  literal: 'keyword',
  'selector-tag': 'keyword',
  operator: 'keyword',
  doctag: 'keyword',
  string: 'string',
  regexp: 'string',
  char: 'string',
  quote: 'comment',
  comment: 'comment',
  number: 'number',
  symbol: 'number',
  link: 'string',
  title: 'name',
  section: 'name',
  name: 'name',
  'selector-id': 'name',
  'selector-class': 'name',
  type: 'type',
  built_in: 'type',
  class: 'type',
  attr: 'attribute',
  attribute: 'attribute',
  property: 'attribute',
  variable: 'attribute',
  'template-variable': 'attribute',
  params: 'attribute',
  meta: 'comment',
  bullet: 'number',
  addition: 'inserted',
  deletion: 'deleted',
};

const lowlight = createLowlight(common);

addEventListener('message', ({ data }: MessageEvent<HighlightRequest>) => {
  const { id, language, code } = data;
  const parts = lowlight.registered(language)
    ? splitRuns(runsOf(lowlight.highlight(language, code)), partEnds(code))
    : undefined;
  postMessage({ id, parts } satisfies HighlightAnswer);
});

function runsOf(root: Root): CodeRun[] {
  const runs: CodeRun[] = [];
  const add = (node: Root['children'][number] | ElementContent, kind: CodeKind | undefined) => {
    if (node.type === 'text') runs.push({ kind, text: node.value });
    else if (node.type === 'element') {
      const names = node.properties.className;
      const inside = (Array.isArray(names) ? names : [])
        .map((name) => KINDS[String(name).replace(/^hljs-/, '')])
        .find((found) => found !== undefined);
      for (const child of node.children) add(child, inside ?? kind);
    }
  };
  for (const node of root.children) add(node, undefined);
  return runs;
}
