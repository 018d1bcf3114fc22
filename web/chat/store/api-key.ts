/** The key that a server wants, if it wants one: for this tab of the browser, or remembered until it is taken back. */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { recall, remember } from '../../shared/remember.ts';

const NAME = 'bitnet.api-key';

const key: Signal<string | undefined> = signal(recall(NAME, 'visit') ?? recall(NAME, 'always'));

/** What to send as `Authorization: Bearer …`; undefined: nothing. */
export const apiKey: ReadonlySignal<string | undefined> = key;

/** Takes another key, or none. */
export function setApiKey(value: string | undefined, isRemembered: boolean): void {
  remember(NAME, isRemembered ? undefined : value, 'visit');
  remember(NAME, isRemembered ? value : undefined, 'always');
  key.value = value;
}
