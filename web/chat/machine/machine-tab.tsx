/** The tab "Machine". What draws it is loaded when it is first opened; readings are taken from the start (watch.ts). */
import { type Signal, signal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { watchMachine } from './watch.ts';

const view: Signal<ComponentType | undefined> = signal(undefined);
const isMissing: Signal<boolean> = signal(false);

watchMachine();

function load(): void {
  import('./machine-view.tsx').then(
    ({ MachineView }) => {
      isMissing.value = false;
      view.value = MachineView;
    },
    () => {
      isMissing.value = true;
    },
  );
}

/** The whole tab. */
export function MachineTab(): JSX.Element {
  const View = view.value;
  if (View === undefined) load();
  return (
    <div class="machine-tab">
      <h1>Machine</h1>
      {View !== undefined && <View />}
      {isMissing.value && (
        <p role="alert">This part of the page could not be loaded. Reload it to try again.</p>
      )}
    </div>
  );
}
