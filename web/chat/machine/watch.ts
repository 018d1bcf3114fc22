/**
 * Asks the transport in use how busy it is: every second while somebody looks, now and then otherwise, so that there is
 * something to see when they do (every second while the page itself has a reply), and not at all while it is hidden. Where nobody answers it tries again by itself.
 */
import { effect, type Signal, signal } from '@preact/signals';
import { runtime, speed, transport } from '../store/connection.ts';
import { type Transport, TransportError } from '../transport/transport.ts';
import { MachineHistory } from './history.ts';

const SEEN_EVERY = 1000;
const UNSEEN_EVERY = 10_000;
const RETRY_EVERY = 2000;
/** No answer takes longer than this. */
const PATIENCE = 10_000;

/** What is known; a new object after each reading. */
export interface MachineState {
  readonly history: MachineHistory;
  /** Why the last reading failed. */
  readonly fault: TransportError | undefined;
}

/** Of {@link transport}; undefined while there is none. */
export const machine: Signal<MachineState | undefined> = signal(undefined);

const histories = new WeakMap<Transport, MachineHistory>();
/** How many look. */
let viewers = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let reading: AbortController | undefined;
/** When the last one began, by performance.now(). */
let lastTime = -Infinity;

/** Reads often until the function that it gives is called. */
export function look(): () => void {
  viewers++;
  readNow();
  return () => {
    viewers--;
  };
}

/** Begins to read, and starts over whenever another transport is in use. Called once. */
export function watchMachine(): void {
  effect(() => {
    const current = transport.value;
    reading?.abort();
    reading = undefined;
    machine.value = current === undefined ? undefined : { history: historyOf(current), fault: undefined };
    readNow();
  });
  // A reply of this page is what its user will want to see later.
  effect(() => {
    const isBusy = runtime.value !== undefined && speed.value !== undefined;
    if (isBusy && performance.now() - lastTime >= SEEN_EVERY) readNow();
  });
  // Before the first reply, so that there is something to compare with.
  effect(() => {
    if (runtime.value !== undefined) readNow();
  });
  addEventListener('visibilitychange', readNow);
}

function historyOf(source: Transport): MachineHistory {
  const known = histories.get(source) ?? new MachineHistory();
  histories.set(source, known);
  return known;
}

function readNow(): void {
  clearTimeout(timer);
  timer = setTimeout(read, 0);
}

/** Nobody is asked in the background before a model has run, nor again after that failed. */
function isDue(): boolean {
  if (document.hidden) return false;
  return viewers > 0 || (runtime.peek() !== undefined && machine.peek()?.fault === undefined);
}

async function read(): Promise<void> {
  clearTimeout(timer);
  const source = transport.peek();
  if (source === undefined || reading !== undefined) return;
  if (isDue()) {
    const own = new AbortController();
    reading = own;
    lastTime = performance.now();
    const state = await ask(source, own.signal);
    if (reading !== own) return;
    reading = undefined;
    machine.value = state;
  }
  timer = setTimeout(read, pause());
}

function pause(): number {
  if (viewers === 0) return UNSEEN_EVERY;
  return machine.peek()?.fault === undefined ? SEEN_EVERY : RETRY_EVERY;
}

async function ask(source: Transport, signal: AbortSignal): Promise<MachineState> {
  const history = historyOf(source);
  try {
    const answer = await source.machine(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
    history.add(answer, Date.now());
    return { history, fault: undefined };
  } catch (error) {
    history.addGap(Date.now());
    const fault =
      error instanceof TransportError ? error : new TransportError('unreachable', 'Nobody answers.');
    return { history, fault };
  }
}
