/** The key that a server wants, if it wants one: for this tab of the browser, or remembered until it is taken back. */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals';

const NAME = 'bitnet.api-key';

const key: Signal<string | undefined> = signal(
  sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? undefined,
);

/** What to send as `Authorization: Bearer …`; undefined: nothing. */
export const apiKey: ReadonlySignal<string | undefined> = key;

/** Takes another key, or none. */
export function setApiKey(value: string | undefined, isRemembered: boolean): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  if (value !== undefined) (isRemembered ? localStorage : sessionStorage).setItem(NAME, value);
  key.value = value;
}
