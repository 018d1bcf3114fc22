/**
 * Makes elements of a page. Text goes in as text nodes and attributes as attributes, never as markup, so nothing that is
 * shown can be taken for HTML.
 */

/** What an element may hold; undefined is left out. */
export type Content = Node | string | undefined;

/** An element with attributes (undefined: left out) and contents. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...contents: readonly Content[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...contents.filter((content) => content !== undefined));
  return made;
}

/**
 * The element of the page that a selector names.
 *
 * @throws Error when the page has none of that class, which is a fault of the page
 */
export function find<T extends Element>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${type.name} at ${selector}`);
}
