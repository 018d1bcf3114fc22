/** What can be done with the connection: choosing where models run and which, loading one with its progress, adding files. */
import { effect, type Signal, signal, untracked } from '@preact/signals';
import { recall, remember } from '../../shared/remember.ts';
import type { Progress, Runtime, Transport } from '../transport/transport.ts';
import { TransportError } from '../transport/transport.ts';
import { setApiKey } from './api-key.ts';
import { modelId, models, runtime, speed, transport, transports } from './connection.ts';
import type { Fault } from './conversation.ts';
import { announce, notify, notifyFault, sentenceOf } from './notices.ts';

/** A model on its way into memory, or into the browser's storage. */
export interface Loading {
  readonly title: string;
  readonly progress: Progress | undefined;
  cancel(): void;
}

/** What is being loaded; undefined: nothing. */
export const loading: Signal<Loading | undefined> = signal(undefined);

/** Why there is no list of models, or no answer. */
export const connectionFault: Signal<Fault | undefined> = signal(undefined);

/** Whether the server asked for an API key: a dialog then does of the user. */
export const isKeyWanted: Signal<boolean> = signal(false);

/** Models up to this size are loaded before anybody asks them something. */
const LIGHT_BYTES = 64e6;

let refreshing = new AbortController();

effect(() => {
  const chosen = transport.value;
  refreshing.abort();
  models.value = [];
  modelId.value = undefined;
  runtime.value = undefined;
  speed.value = undefined;
  connectionFault.value = undefined;
  if (chosen) untracked(() => refreshModels(chosen, remembered(chosen)).catch(notifyFault));
});

/** Reads the list of models again, and loads the model in use if that is quick. */
export async function refreshModels(from: Transport, wanted?: string): Promise<void> {
  refreshing.abort();
  refreshing = new AbortController();
  const { signal } = refreshing;
  try {
    const list = await from.models(signal);
    if (signal.aborted) return;
    connectionFault.value = undefined;
    models.value = list;
    const best = list.find(({ id }) => id === wanted) ?? list.find(({ isLoaded }) => isLoaded) ?? list[0];
    modelId.value = best?.id;
    const isQuick = best && (best.isLoaded || (best.fileBytes ?? Number.POSITIVE_INFINITY) < LIGHT_BYTES);
    if (isQuick) await load(signal);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** Takes another place for models to run. */
export function chooseTransport(chosen: Transport): void {
  transport.value = chosen;
  announce(chosen.kind === 'server' ? 'The server answers now.' : 'This device answers now.');
}

/** Takes another model, and loads it. */
export function chooseModel(id: string): void {
  const from = transport.peek();
  if (from === undefined || modelId.peek() === id) return;
  modelId.value = id;
  runtime.value = undefined;
  speed.value = undefined;
  remember(nameFor(from), id);
  load(new AbortController().signal).catch(fail);
}

/**
 * Gets the model in use ready, and tells {@link loading} how far it is.
 *
 * @throws TransportError, or the signal's reason
 */
export async function load(signal: AbortSignal): Promise<Runtime | undefined> {
  const from = transport.peek();
  const id = modelId.peek();
  if (from === undefined || id === undefined) return undefined;
  const title = models.peek().find((model) => model.id === id)?.title ?? id;
  const loaded = await showing(title, signal, (onProgress, either) => from.load(id, onProgress, either));
  if (transport.peek() === from && modelId.peek() === id) {
    const wasLoaded = models.peek().find((model) => model.id === id)?.isLoaded;
    runtime.value = loaded;
    // Only now its context is known.
    if (!wasLoaded) models.value = await from.models(signal);
  }
  return loaded;
}

/** Puts a GGUF file into this device's store and uses it. */
export async function addFile(file: File): Promise<void> {
  const device = transports.peek().find(({ store }) => store !== undefined);
  if (device?.store === undefined) return;
  const { store } = device;
  const { signal } = new AbortController();
  try {
    const id = await showing(file.name, signal, (onProgress, either) => store.add(file, onProgress, either));
    remember(nameFor(device), id);
    if (transport.peek() === device) await refreshModels(device, id);
    else chooseTransport(device);
    if (modelId.peek() === id && runtime.peek() === undefined) await load(signal);
    notify(`${file.name} is kept in this browser.`);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) notifyFault(error);
  }
}

/** Removes a model that the user put there. */
export async function removeModel(id: string): Promise<void> {
  const from = transport.peek();
  try {
    await from?.store?.remove(id);
    const wanted = modelId.peek();
    runtime.value = wanted === id ? undefined : runtime.peek();
    if (from) await refreshModels(from, wanted);
  } catch (error) {
    notifyFault(error);
  }
}

/** Takes the key that the user gave, and asks the server again. */
export async function giveKey(key: string, isRemembered: boolean): Promise<void> {
  setApiKey(key, isRemembered);
  isKeyWanted.value = false;
  const from = transport.peek();
  if (from) await refreshModels(from, remembered(from));
}

/** What went wrong with the connection: shown where the model is chosen, and a key is asked for if that helps. */
export function fail(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const reason = error instanceof TransportError ? error.reason : 'refused';
  connectionFault.value = { reason, message: sentenceOf(error) };
  if (reason === 'unauthorised') isKeyWanted.value = true;
}

/** Runs something with its progress shown; it can be cancelled there, too. */
async function showing<T>(
  title: string,
  signal: AbortSignal,
  action: (onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const entry: Loading = { title, progress: undefined, cancel: () => controller.abort() };
  let shown = entry;
  loading.value = entry;
  const onProgress = (progress: Progress) => {
    if (loading.peek() !== shown) return;
    shown = { ...entry, progress };
    loading.value = shown;
  };
  try {
    return await action(onProgress, AbortSignal.any([signal, controller.signal]));
  } finally {
    if (loading.peek() === shown) loading.value = undefined;
  }
}

function nameFor({ kind }: Transport): string {
  return `bitnet.model.${kind}`;
}

function remembered(from: Transport): string | undefined {
  return recall(nameFor(from));
}
