/** A button that copies a text and says for a moment that it did. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { copyText } from '../code/copy-text.ts';
import { announce } from '../store/notices.ts';
import { Icon } from './icons.tsx';

const SHOWN_MS = 1600;

/** `label` says what is copied. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  return (
    <button
      type="button"
      class="plain"
      aria-label={label}
      title={label}
      disabled={text === ''}
      onClick={async () => {
        if (!(await copyText(text))) return;
        setCopied(true);
        announce('Copied.');
        setTimeout(() => setCopied(false), SHOWN_MS);
      }}
    >
      <Icon name={isCopied ? 'done' : 'copy'} />
    </button>
  );
}
