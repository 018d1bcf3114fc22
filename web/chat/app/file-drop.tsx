/** A GGUF file may be dropped anywhere on the page. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { addFile } from '../store/connecting.ts';
import { notifyFault } from '../store/notices.ts';

/** Shown while a file is held over the page. */
export function FileDrop(): JSX.Element | null {
  const isOver = useSignal(false);
  useEffect(() => {
    let depth = 0;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (event.type === 'dragenter') depth += 1;
      isOver.value = true;
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      isOver.value = depth > 0;
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      isOver.value = false;
      const file = event.dataTransfer?.files[0];
      if (file) addFile(file).catch(notifyFault);
    };
    const listeners = { dragenter: over, dragover: over, dragleave: leave, drop } as const;
    for (const [name, listener] of Object.entries(listeners)) {
      addEventListener(name as keyof typeof listeners, listener);
    }
    return () => {
      for (const [name, listener] of Object.entries(listeners)) {
        removeEventListener(name as keyof typeof listeners, listener);
      }
    };
  }, []);
  if (!isOver.value) return null;
  return (
    <div class="file-drop">
      <p>Drop a GGUF file to run it on this device. It stays in this browser.</p>
    </div>
  );
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}
