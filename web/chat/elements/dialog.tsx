/** A dialog of the browser: it keeps the focus, closes by Escape and by a press beside it, and gives the focus back. */
import { type Signal, signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { NoticesView } from './notices-view.tsx';

/** Where it stands: in the middle, at the right edge, below the header's right end, or at the left edge. */
export type DialogPlace = 'middle' | 'end' | 'top-end' | 'start';

/** How many are open. */
export const openDialogs: Signal<number> = signal(0);

/** Shown as long as it is rendered. */
export function Dialog(props: {
  readonly title: string;
  readonly place: DialogPlace;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const titleId = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    openDialogs.value += 1;
    return () => {
      openDialogs.value -= 1;
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`dialog dialog-${props.place}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === event.currentTarget) props.onClose();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={titleId}>{props.title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={props.onClose}>
            <Icon name="close" />
          </button>
        </div>
        {props.children}
      </div>
      <NoticesView />
    </dialog>
  );
}
