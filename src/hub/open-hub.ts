/** Stands in until the hub is merged. */
import { BitnetError } from '../base/errors.ts';
import type { Hub } from './hub.ts';

/** The hub. */
export async function openHub(): Promise<Hub> {
  return {
    async pull() {
      throw new BitnetError('hub/unreachable', 'the hub is not built yet');
    },
    find: async () => undefined,
    list: async () => [],
    remove: async () => 0,
  };
}
