/** Stands in until the hub is merged. */
import { BitnetError } from '../base/errors.ts';
import type { Hub } from './hub.ts';

/** The hub. */
export async function openHub(): Promise<Hub> {
  throw new BitnetError('hub/unreachable', 'the hub is not built yet');
}
