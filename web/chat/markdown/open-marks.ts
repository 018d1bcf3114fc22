/**
 * Completes text that breaks off in the middle, so that half a word of bold is bold already and half a link is its text: the
 * marks that are open at the end are closed, and those that nothing follows yet are left out. Only for the end of an answer
 * that is still being written.
 */

/** A line of these alone may still become anything. */
const LONE_MARKS = /^[ \t>]*(?:`{1,2}|#{1,6}|[-+*]|=+|--|_{1,3}|\*{2,3}|~{1,2}|\d{1,9}[.)]?|\|)?[ \t]*$/;
const MAX_LONE_MARKS = 24;
const MAX_CONTEXT = 4000;

/** The text as it will probably look when the next words are there. */
export function closeOpenMarks(text: string): string {
  const lineStart = text.lastIndexOf('\n') + 1;
  const last = text.slice(lineStart);
  const isLone = last.length <= MAX_LONE_MARKS && LONE_MARKS.test(last);
  const kept = isLone ? text.slice(0, lineStart) : text;
  const begin = Math.max(contextStart(kept), kept.length - MAX_CONTEXT);
  return kept.slice(0, begin) + closeInline(kept.slice(begin));
}

/** Where the paragraph, item, heading or cell begins that the text ends in. */
function contextStart(text: string): number {
  const blank = text.lastIndexOf('\n\n');
  const line = text.lastIndexOf('\n') + 1;
  const last = text.slice(line);
  if (last.includes('|')) return line + last.lastIndexOf('|') + 1;
  const marker = /^[ \t]*(?:[-+*]|\d{1,9}[.)]|#{1,6}|>)[ \t]+/.exec(last);
  return marker !== null ? line + marker[0].length : blank < 0 ? 0 : blank + 2;
}

interface OpenMark {
  readonly mark: string;
  readonly contentStart: number;
}

function closeInline(text: string): string {
  const open: OpenMark[] = [];
  for (let i = 0; i < text.length; ) {
    const character = text[i]!;
    if (character === '\\') i += 2;
    else if (character === '`') {
      const run = runAt(text, i);
      const end = closingTicks(text, i + run.length, run.length);
      if (end < 0) return withClosers(text, [...open, { mark: run, contentStart: i + run.length }]);
      i = end;
    } else if (character === '*' || character === '_' || character === '~') {
      const run = runAt(text, i);
      noteRun(text, i, run, open);
      i += run.length;
    } else if (character === '[') {
      const cut = unfinishedLink(text, i);
      if (cut !== undefined) return withClosers(cut, open);
      i++;
    } else i++;
  }
  return withClosers(text, open);
}

function runAt(text: string, start: number): string {
  let end = start + 1;
  while (text[end] === text[start]) end++;
  return text.slice(start, end);
}

/** Offset behind the run of as many backticks; -1 when there is none. */
function closingTicks(text: string, from: number, length: number): number {
  for (let at = text.indexOf('`', from); at >= 0; ) {
    const run = runAt(text, at);
    if (run.length === length) return at + length;
    at = text.indexOf('`', at + run.length);
  }
  return -1;
}

function noteRun(text: string, start: number, run: string, open: OpenMark[]): void {
  const end = start + run.length;
  const before = text[start - 1] ?? ' ';
  const after = text[end] ?? ' ';
  const top = open.at(-1);
  const isWordInside = run[0] === '_' && /\w/.test(before) && /\w/.test(after);
  if (isWordInside || (run[0] === '~' && run.length !== 2)) return;
  if (top !== undefined && top.mark[0] === run[0] && !/\s/.test(before)) {
    open.pop();
    const missing = top.mark.length - run.length;
    if (missing > 0) open.push({ mark: top.mark.slice(0, missing), contentStart: top.contentStart });
  } else if (end === text.length || !/\s/.test(after)) open.push({ mark: run, contentStart: end });
}

/** The text with the label alone of a link that has no end yet; undefined when it has one, or is none. */
function unfinishedLink(text: string, start: number): string | undefined {
  const found = /^\[([^[\]\n]*)\](?:\([^)\n]*|\[[^\]\n]*)?$/.exec(text.slice(start));
  const isUnfinished = found !== null && /\]\(|\]\[/.test(found[0]);
  if (!isUnfinished) return undefined;
  const isImage = text[start - 1] === '!';
  return text.slice(0, isImage ? start - 1 : start) + found[1]!;
}

function withClosers(text: string, open: readonly OpenMark[]): string {
  let result = text;
  for (const { mark, contentStart } of open.toReversed()) {
    const content = result.slice(contentStart);
    if (content.trim() === '') result = result.slice(0, contentStart - mark.length);
    else result = (mark[0] === '`' ? result : result.trimEnd()) + mark;
  }
  return result;
}
