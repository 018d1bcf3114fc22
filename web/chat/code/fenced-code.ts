/**
 * Finds fenced code blocks by their lines (CommonMark 0.31, section 4.5), which needs no parser: code is most of what is long
 * in answers, so it must cost little while it grows.
 */

/** A fenced block. */
export interface FencedCode {
  /** First word after the fence; empty when there is none. */
  readonly language: string;
  readonly code: string;
  /** Offset behind the block's last line. */
  readonly end: number;
  /** The closing fence is there. */
  readonly isClosed: boolean;
}

const OPENING = /^ {0,3}(?:`{3,}[^`\n]*|~{3,}[^\n]*)(?:\n|$)/;
const UNINDENTED = /^(?:`{3,}[^`\n]*|~{3,}[^\n]*)$/gm;

/** True when a block begins at the text's begin. */
export function isFence(text: string): boolean {
  return OPENING.test(text);
}

/** Offset of the next line that begins a block whatever comes before it, but not at 0; -1 when there is none. */
export function nextFence(text: string): number {
  UNINDENTED.lastIndex = 0;
  for (;;) {
    const found = UNINDENTED.exec(text);
    if (found === null || found.index > 0) return found?.index ?? -1;
  }
}

/** Reads the block at the text's begin, where {@link isFence} is true. */
export function readFence(text: string): FencedCode {
  const [, indent = '', fence = '', info = ''] = /^( {0,3})(`{3,}|~{3,})([^\n]*)/.exec(text) ?? [];
  const language = (/^\s*(\S*)/.exec(info)?.[1] ?? '').slice(0, 40);
  const firstEnd = text.indexOf('\n');
  if (firstEnd < 0) return { language, code: '', end: text.length, isClosed: false };
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`, 'gm');
  closing.lastIndex = firstEnd + 1;
  const found = closing.exec(text);
  const codeEnd = found === null ? text.length : found.index;
  const lineEnd = found === null ? -1 : found.index + found[0].length;
  let code = text.slice(firstEnd + 1, codeEnd);
  if (found === null) code = withoutPartOfFence(code, fence);
  if (indent !== '') code = code.replace(new RegExp(`^ {1,${indent.length}}`, 'gm'), '');
  return {
    language,
    code: code.endsWith('\n') ? code.slice(0, -1) : code,
    end: found === null ? text.length : Math.min(text.length, lineEnd + 1),
    isClosed: found !== null,
  };
}

/** While it grows, one or two backticks in the last line will be the closing fence. */
function withoutPartOfFence(code: string, fence: string): string {
  const line = code.slice(code.lastIndexOf('\n') + 1);
  const isPart = line !== '' && line.length < fence.length && line === fence.slice(0, line.length);
  return isPart ? code.slice(0, code.length - line.length) : code;
}
