/** The tab "Inside". */
import type { JSX } from 'preact';

/** The whole tab. */
export function InsideTab(): JSX.Element {
  return <h1>Inside</h1>;
}
