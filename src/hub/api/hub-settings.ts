/** Stands in until the hub is merged. */
import { environmentVariable } from '#platform';

/** How to talk to a hub. */
export interface HubSettings {
  readonly endpoint: string;
  readonly token: string | undefined;
}

/** The settings. */
export async function hubSettings(given: { endpoint?: string; token?: string }): Promise<HubSettings> {
  const endpoint = given.endpoint ?? environmentVariable('HF_ENDPOINT') ?? 'https://huggingface.co';
  return { endpoint: endpoint.replace(/\/+$/, ''), token: given.token ?? environmentVariable('HF_TOKEN') };
}

/** HF_HUB_OFFLINE. */
export function isOffline(): boolean {
  return /^(1|on|yes|true)$/i.test(environmentVariable('HF_HUB_OFFLINE') ?? '');
}
