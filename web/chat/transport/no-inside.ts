/** In place of a way to look inside, where there is none. */
import type { InsideSource } from './inside-source.ts';
import { TransportError } from './transport.ts';

function refuse(): never {
  throw new TransportError('refused', 'What runs the model here cannot show what is inside.');
}

/** Refuses everything in one sentence. */
export const NO_INSIDE: InsideSource = {
  overview: async () => refuse(),
  counts: () => refuse(),
  tile: async () => refuse(),
  dot: async () => refuse(),
};
