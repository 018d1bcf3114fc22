/** The text of a token with its spaces and line breaks made visible; it wraps as it would without that. */
import type { ComponentChildren } from 'preact';
import { visibleText } from '../markdown/visible-text.tsx';

const MAX_LENGTH = 400;
const WHITE_SPACE = /([ \u00a0]+|\n+|\t+)/;
const NAMES: Readonly<Record<string, string>> = {
  ' ': 'space',
  '\u00a0': 'space',
  '\n': 'line break',
  '\t': 'tab',
};

/** A token as elements; in one line where `isSample`. */
export function tokenText(text: string, isSample = false): ComponentChildren {
  if (text === '') return <span class="token-empty" />;
  const parts = (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text).split(WHITE_SPACE);
  return parts.map((part, index) => {
    if (index % 2 === 0) return visibleText(part);
    if (part[0] === '\n') return Array.from(part, () => lineBreak(isSample));
    return (
      <span key={index} class={part[0] === '\t' ? 'token-tab' : 'token-space'}>
        {part}
      </span>
    );
  });
}

function lineBreak(isSample: boolean): ComponentChildren {
  return isSample ? <span class="token-glyph">⏎</span> : <span class="token-break">{'\n'}</span>;
}

/** A token in words, for those who do not see it. */
export function tokenInWords(text: string): string {
  if (text === '') return 'empty';
  if (text.trim() !== '') return text.trim();
  const name = NAMES[text[0]!] ?? 'white space';
  return text.length === 1 ? name : `${text.length} times ${name}`;
}

/** True when the token is some bytes of a character, or of several. */
export function isPartial(text: string): boolean {
  return text.includes('\ufffd');
}
