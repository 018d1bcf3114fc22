/** The list of keys. */
import type { JSX } from 'preact';
import { Dialog } from '../elements/dialog.tsx';
import { isKeyListOpen, KEYS } from './keyboard.ts';

/** Shown when asked for. */
export function KeysDialog(): JSX.Element | null {
  if (!isKeyListOpen.value) return null;
  const close = () => {
    isKeyListOpen.value = false;
  };
  return (
    <Dialog title="Keys" place="middle" onClose={close}>
      <dl class="keys">
        {KEYS.map(({ keys, title }) => (
          <div key={title}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
