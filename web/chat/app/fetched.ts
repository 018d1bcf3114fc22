/** Parts of the page that are fetched when they are first needed, so that the first load stays small. */
import { signal } from '@preact/signals';
import { notifyFault } from '../store/notices.ts';

/**
 * A part that is fetched at the first question for it.
 *
 * @returns asks for it: undefined until it is there, of which whoever asked while rendering is told
 */
export function fetched<T extends object>(fetchPart: () => Promise<T>): () => T | undefined {
  const part = signal<T | undefined>(undefined);
  let isAsked = false;
  return () => {
    if (part.value === undefined && !isAsked) {
      isAsked = true;
      fetchPart().then(
        (found) => {
          part.value = found;
        },
        (error: unknown) => {
          // The next question tries again.
          isAsked = false;
          notifyFault(error);
        },
      );
    }
    return part.value;
  };
}
