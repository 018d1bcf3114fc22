/**
 * The worker's answers on what is inside the model in memory. They wait for no turn while that is the model that is asked about:
 * reading weights disturbs no reply, and forward passes take turns with a reply's steps by themselves.
 */

import type { Model } from 'bitnet.ts';
import { Inside } from 'bitnet.ts/inside';
import type { LoadedModel } from './loaded-model.ts';
import type { CallName, Handler } from './protocol.ts';
import type { Turns } from './turns.ts';

/** Names of those calls. */
export type InsideCall = Extract<CallName, `inside${string}`>;

/** What answers them. */
export type InsideHandlers = { readonly [Name in InsideCall]: Handler<Name> };

/** The handlers of those calls. */
export function insideHandlers(loaded: LoadedModel, turns: Turns): InsideHandlers {
  const looks = new WeakMap<Model, Inside>();
  const insideOf = async (modelId: string, signal: AbortSignal) => {
    const get = () => loaded.get(modelId, () => {}, signal);
    const model = loaded.id === modelId ? await get() : await turns.take(signal, get);
    const inside = looks.get(model) ?? new Inside(model);
    looks.set(model, inside);
    return inside;
  };
  return {
    insideOverview: async (modelId, _tell, signal) => (await insideOf(modelId, signal)).overview(modelId),
    async insideCounts(modelId, tell, signal) {
      const inside = await insideOf(modelId, signal);
      for await (const counts of inside.counts(signal)) tell(counts);
      return undefined;
    },
    insideTile: async ({ modelId, request }, _tell, signal) =>
      (await insideOf(modelId, signal)).tile(request, signal),
    insideShares: async ({ modelId, request }, _tell, signal) =>
      (await insideOf(modelId, signal)).shares(request, signal),
    insideDot: async ({ modelId, place, row, text }, _tell, signal) =>
      (await insideOf(modelId, signal)).dot(place, row, text, signal),
  };
}
