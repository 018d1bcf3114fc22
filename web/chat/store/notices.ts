/** Short messages at the edge of the page, which go by themselves, and what a screen reader is told. */
import { type Signal, signal } from '@preact/signals';

/** One message; an action can be taken as long as it is there. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isFault: boolean;
  readonly action: { readonly title: string; run(): void } | undefined;
}

/** Those that are shown. */
export const notices: Signal<readonly Notice[]> = signal([]);

/** The last thing a screen reader is told; never single tokens. */
export const announcement: Signal<string> = signal('');

const LIFE_MS = 8000;
let last = 0;

/** Shows a message. */
export function notify(text: string, action?: Notice['action']): void {
  show({ text, isFault: false, action });
}

/** Shows what went wrong. */
export function notifyFault(error: unknown): void {
  show({ text: sentenceOf(error), isFault: true, action: undefined });
}

/** Takes a message away. */
export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Says something to those who do not see the page. */
export function announce(text: string): void {
  announcement.value = text;
}

/** An error as one sentence. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /[.?]$/.test(message) ? message : `${message}.`;
}

function show(notice: Omit<Notice, 'id'>): void {
  last += 1;
  const id = last;
  // What is tried again and again may go wrong as often, and needs to be said once.
  const others = notices.value.filter(({ text, action }) => text !== notice.text || action !== undefined);
  notices.value = [...others.slice(-2), { ...notice, id }];
  setTimeout(() => dismiss(id), LIFE_MS);
}
