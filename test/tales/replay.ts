/**
 * What is true at the end of a tale, worked out from its events without the rules of models/tales: by the last event
 * that says where somebody is or who has a thing.
 */
import type { WorldEvent } from './modules.ts';

/** By name of the person or thing. */
export interface Outcome {
  readonly places: Map<string, string>;
  readonly holders: Map<string, string>;
  /** Places of things that nobody holds. */
  readonly lying: Map<string, string>;
}

const MOVES_ONE = new Set(['be', 'go', 'come', 'stuck']);
const MOVES_BOTH = new Set(['goBoth', 'meet', 'race']);
const TAKES = new Set(['own', 'find', 'snatch', 'win']);

export function replay(events: readonly WorldEvent[]): Outcome {
  const outcome: Outcome = { places: new Map(), holders: new Map(), lying: new Map() };
  for (const event of events) step(outcome, event);
  return outcome;
}

function step({ places, holders, lying }: Outcome, { name, args }: WorldEvent): void {
  const { A = '', B = '', O = '', Q = '', P = '' } = args;
  const hold = (who: string, what: string): void => {
    holders.set(what, who);
    lying.delete(what);
  };
  if (MOVES_ONE.has(name)) places.set(A, P);
  if (MOVES_BOTH.has(name)) for (const who of [A, B]) places.set(who, P);
  if (TAKES.has(name)) hold(A, O);
  if (name === 'give') hold(B, O);
  if (name === 'trade') {
    hold(B, O);
    hold(A, Q);
  }
  if (name === 'forget') {
    holders.delete(O);
    lying.set(O, P);
  }
  if (name === 'lose') holders.delete(O);
}
