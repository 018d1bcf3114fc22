/** The tab "Conversations". */
import type { JSX } from 'preact';

/** The whole tab. */
export function ChatTab(): JSX.Element {
  return <h1>Conversations</h1>;
}
