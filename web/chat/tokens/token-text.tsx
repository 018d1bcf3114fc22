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

/** A token as elements. */
export function tokenText(text: string): ComponentChildren {
  if (text === '') return <span class="token-empty" />;
  const parts = (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text).split(WHITE_SPACE);
  return parts.map((part, index) => {
    if (index % 2 === 0) return visibleText(part);
    const kind = part[0] === '\n' ? 'token-break' : part[0] === '\t' ? 'token-tab' : 'token-space';
    return (
      <span key={index} class={kind}>
        {part}
      </span>
    );
  });
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
