/**
 * Short texts that the browser keeps between visits, such as a choice of theme. Where a browser keeps nothing (cookies are
 * blocked, no room is left) they hold until the page is closed: nothing that the page does depends on them. Conversations
 * and files are kept elsewhere.
 */

/** `visit` ends with the tab of the browser, `always` does not. */
export type Lifetime = 'visit' | 'always';

const AREAS = { visit: 'sessionStorage', always: 'localStorage' } as const;
const memory = new Map<string, string>();

/** What was kept under that name; undefined: nothing. */
export function recall(name: string, lifetime: Lifetime = 'always'): string | undefined {
  const inMemory = memory.get(`${lifetime} ${name}`);
  if (inMemory !== undefined) return inMemory;
  try {
    return globalThis[AREAS[lifetime]].getItem(name) ?? undefined;
  } catch {
    // Reading the property is what a browser refuses.
    return undefined;
  }
}

/** Keeps a text under a name; undefined: forgets it. */
export function remember(name: string, text: string | undefined, lifetime: Lifetime = 'always'): void {
  memory.delete(`${lifetime} ${name}`);
  try {
    const area = globalThis[AREAS[lifetime]];
    area.removeItem(name);
    if (text !== undefined) area.setItem(name, text);
  } catch {
    if (text !== undefined) memory.set(`${lifetime} ${name}`, text);
  }
}
