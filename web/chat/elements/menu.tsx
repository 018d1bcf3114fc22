/** A button that opens a short list of actions, as a popover of the browser placed beside the button. */
import type { ComponentChildren, JSX } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons.tsx';

/** One line of a menu. */
export interface MenuItem {
  readonly title: string;
  readonly icon: IconName;
  /** Of several that exclude each other, the one in force; undefined: it is an action. */
  readonly isChosen?: boolean;
  readonly run: () => void;
}

const GAP = 4;

/** The button, with `children` in it, and its menu. */
export function Menu(props: {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly children: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);

  const place = () => {
    const from = button.current?.getBoundingClientRect();
    const shown = list.current;
    if (!from || !shown) return;
    const { width, height } = shown.getBoundingClientRect();
    const below = from.bottom + GAP;
    const top = below + height < innerHeight ? below : Math.max(GAP, from.top - height - GAP);
    shown.style.top = `${top}px`;
    shown.style.left = `${Math.max(GAP, Math.min(from.right - width, innerWidth - width - GAP))}px`;
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = [...(list.current?.querySelectorAll('button') ?? [])];
    if (step === undefined || items.length === 0) return;
    event.preventDefault();
    const now = items.indexOf(document.activeElement as HTMLButtonElement);
    items[(now + step + items.length) % items.length]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        class="plain"
        aria-label={props.label}
        title={props.label}
        aria-expanded={isOpen}
        aria-controls={id}
        popovertarget={id}
      >
        {props.children}
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between its buttons */}
      <div
        ref={list}
        id={id}
        popover="auto"
        class="menu"
        onToggle={(event) => {
          const opens = event.newState === 'open';
          setOpen(opens);
          if (!opens) return;
          place();
          list.current?.querySelector('button')?.focus();
        }}
        onKeyDown={move}
      >
        {props.items.map(({ title, icon, isChosen, run }) => (
          <button
            key={title}
            type="button"
            aria-pressed={isChosen}
            onClick={() => {
              list.current?.hidePopover();
              run();
            }}
          >
            <Icon name={icon} />
            {title}
          </button>
        ))}
      </div>
    </>
  );
}
