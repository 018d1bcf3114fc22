/** Code in parts of some lines each, coloured or not: what grows or gets its colours is one part, not the whole block. */

/** What a piece of code is; each has its colour. */
export type CodeKind =
  | 'keyword'
  | 'string'
  | 'comment'
  | 'number'
  | 'name'
  | 'type'
  | 'attribute'
  | 'inserted'
  | 'deleted';

/** A piece of one kind. */
export interface CodeRun {
  readonly kind: CodeKind | undefined;
  readonly text: string;
}

const PART_LINES = 40;

/** Offsets behind every 40th line break and behind the last character. */
export function partEnds(code: string): number[] {
  const ends: number[] = [];
  let lines = 0;
  for (let at = code.indexOf('\n'); at >= 0; at = code.indexOf('\n', at + 1)) {
    if (++lines % PART_LINES === 0) ends.push(at + 1);
  }
  if (ends.at(-1) !== code.length) ends.push(code.length);
  return ends;
}

/** The code in parts. */
export function splitCode(code: string): string[] {
  let start = 0;
  return partEnds(code).map((end) => {
    const part = code.slice(start, end);
    start = end;
    return part;
  });
}

/** Coloured code in the same parts. */
export function splitRuns(runs: readonly CodeRun[], ends: readonly number[]): CodeRun[][] {
  const parts: CodeRun[][] = [[]];
  let offset = 0;
  for (const { kind, text } of runs) {
    let rest = text;
    for (let end = ends[parts.length - 1]!; offset + rest.length > end; end = ends[parts.length - 1]!) {
      const taken = rest.slice(0, end - offset);
      if (taken !== '') parts.at(-1)!.push({ kind, text: taken });
      rest = rest.slice(taken.length);
      offset = end;
      parts.push([]);
    }
    if (rest !== '') parts.at(-1)!.push({ kind, text: rest });
    offset += rest.length;
  }
  return parts;
}
