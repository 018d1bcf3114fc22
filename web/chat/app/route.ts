/** Where in the page its user is, kept in the address behind `#`, so that going back works: `#/chat/ID`, `#/inside`. */
import { type Signal, signal } from '@preact/signals';

/** A tab, and what is open in it. */
export interface Route {
  readonly tab: 'chat' | 'inside' | 'machine';
  readonly id: string | undefined;
}

/** The current one. */
export const route: Signal<Route> = signal(read());

addEventListener('hashchange', () => {
  route.value = read();
});

function read(): Route {
  const [, tab, id] = location.hash.split('/');
  const isKnown = tab === 'chat' || tab === 'inside' || tab === 'machine';
  return {
    tab: isKnown ? tab : 'chat',
    id: id === undefined || id === '' ? undefined : decoded(id),
  };
}

/** An address is typed and cut by people and programs, so its escapes need not be whole. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
