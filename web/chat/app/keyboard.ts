/** Keys that work everywhere in the page. Those of a text field are where the field is. */
import { type Signal, signal } from '@preact/signals';
import { running } from '../store/generation.ts';
import { route } from './route.ts';

/** Whether the list of keys is shown. */
export const isKeyListOpen: Signal<boolean> = signal(false);

/** What the list says. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly title: string }[] = [
  { keys: ['Enter'], title: 'Send the message' },
  { keys: ['Shift', 'Enter'], title: 'New line' },
  { keys: ['Esc'], title: 'Stop the reply' },
  { keys: ['↑'], title: 'In an empty message: edit the last one' },
  { keys: ['Ctrl', 'K'], title: 'New conversation (⌘ K on a Mac)' },
  { keys: ['/'], title: 'Write a message' },
  { keys: ['?'], title: 'Show these keys' },
];

/** Puts the cursor where messages are written; on a touch screen it does not, since a keyboard would cover half of it. */
export function focusComposer(): void {
  requestAnimationFrame(() => {
    if (matchMedia('(hover: hover)').matches) document.querySelector<HTMLElement>('#message')?.focus();
  });
}

/** Opens a conversation that is yet to be begun. */
export function openNew(): void {
  location.hash = '#/chat';
  focusComposer();
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (document.querySelector('dialog[open], [popover]:popover-open') !== null) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    openNew();
  } else if (event.key === 'Escape') {
    running.peek()?.stop();
  } else if (!isWriting(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === '?') isKeyListOpen.value = true;
    if (event.key === '/' && route.peek().tab === 'chat') {
      event.preventDefault();
      document.querySelector<HTMLElement>('#message')?.focus();
    }
  }
});

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null
  );
}
