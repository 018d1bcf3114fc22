/**
 * What the page can talk to: this device always, and a server where the page comes from one. Which of the two was chosen is
 * remembered.
 */
import { effect } from '@preact/signals';
import { recall, remember } from '../../shared/remember.ts';
import { DeviceTransport } from '../device/device-transport.ts';
import { apiKey } from '../store/api-key.ts';
import { transport, transports } from '../store/connection.ts';
import { ServerTransport } from './server-transport.ts';
import type { Transport } from './transport.ts';

const CHOICE = 'bitnet.transport';
/** Whether a server was ever found here. */
const SEEN = 'bitnet.server-seen';
const PATIENCE_MILLISECONDS = 5000;

/** Finds out, and sets the signals of store/connection.ts. */
export async function connect(): Promise<void> {
  const page = new URL('./', document.baseURI);
  const device = new DeviceTransport(page);
  const found = await lookForServer(page);
  if (found === 'yes') remember(SEEN, 'yes');
  // A page that works offline comes back to its server when that is there again.
  const hasServer = found === 'yes' || (found === 'silent' && recall(SEEN) !== undefined);
  const all: Transport[] = hasServer ? [new ServerTransport(page, () => apiKey.value), device] : [device];
  const chosen = all.find(({ kind }) => kind === recall(CHOICE));
  const initial = found === 'yes' ? (chosen ?? all[0]!) : device;
  transports.value = all;
  transport.value = initial;
  let isFirst = true;
  effect(() => {
    const kind = transport.value?.kind;
    // What was there at the start was not chosen.
    if (!isFirst && kind !== undefined) remember(CHOICE, kind);
    isFirst = false;
  });
}

/** `silent`: nobody answers at all. */
async function lookForServer(page: URL): Promise<'yes' | 'no' | 'silent'> {
  const key = apiKey.value;
  try {
    const response = await fetch(new URL('v1/models', page), {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
    });
    // A static host has a page of its own for what it does not have.
    const body: unknown = await response.json().catch(() => undefined);
    const isOurs = typeof body === 'object' && body !== null && ('data' in body || 'error' in body);
    return isOurs && response.status !== 404 ? 'yes' : 'no';
  } catch {
    return 'silent';
  }
}
