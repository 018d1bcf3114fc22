/** A piece of text in which nothing is hidden. */
import type { ComponentChildren, JSX } from 'preact';
import { type HiddenRun, visibleParts } from './hidden-characters.ts';

/** The text, with a mark for each run of hidden characters. */
export function visibleText(text: string): ComponentChildren {
  const parts = visibleParts(text);
  if (parts.length === 1 && typeof parts[0] === 'string') return text;
  return parts.map((part, index) =>
    typeof part === 'string' ? part : <HiddenMark key={index} run={part} />,
  );
}

function HiddenMark({ run: { code, name, count } }: { readonly run: HiddenRun }): JSX.Element {
  return (
    <span
      class="hidden-character"
      title={count === 1 ? name : `${count} hidden characters; the first: ${name}`}
    >
      {count === 1 ? code : `${code} ×${count}`}
    </span>
  );
}
