/** Which transport is in use, which model, and how fast it was last: what all tabs share. */
import { type Signal, signal } from '@preact/signals';
import type { ModelChoice, Runtime, Transport } from '../transport/transport.ts';

/** The transports that there are here: a static site has no server. Set once at the start. */
export const transports: Signal<readonly Transport[]> = signal([]);

/** The one in use; undefined until it is known whether there is a server. */
export const transport: Signal<Transport | undefined> = signal(undefined);

/** Models of {@link transport}. */
export const models: Signal<readonly ModelChoice[]> = signal([]);

/** Id of the model in use, one of {@link models}. */
export const modelId: Signal<string | undefined> = signal(undefined);

/** What runs it; undefined until it was loaded. */
export const runtime: Signal<Runtime | undefined> = signal(undefined);

/** Tokens a second, of the reply under way or of the last one. */
export const speed: Signal<number | undefined> = signal(undefined);
