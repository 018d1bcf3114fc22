/** The tab "Machine". */
import type { JSX } from 'preact';

/** The whole tab. */
export function MachineTab(): JSX.Element {
  return <h1>Machine</h1>;
}
