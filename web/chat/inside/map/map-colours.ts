/** The colours of the picture of weights, which are those of the page's style, light or dark. */

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** See the file's header. */
export interface MapColours {
  readonly minus: Colour;
  readonly zero: Colour;
  readonly plus: Colour;
  /** What is written on each: of -1, 0, +1. */
  readonly ink: readonly [string, string, string];
  readonly ground: string;
  readonly mark: string;
}

/** As an element's style has them now. */
export function coloursOf(element: Element): MapColours {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    minus: parse(read('--minus')),
    zero: parse(read('--zero')),
    plus: parse(read('--plus')),
    ink: [read('--minus-ink'), read('--zero-ink'), read('--plus-ink')],
    ground: read('--sunken'),
    mark: read('--ink'),
  };
}

/** Calls back when the page becomes light or dark. @returns what ends that */
export function onThemeChange(changed: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  query.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    query.removeEventListener('change', changed);
  };
}

/** As CSS has it. */
export function cssOf([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Of `#rgb` or `#rrggbb`. */
function parse(hex: string): Colour {
  const long = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, '$&$&') : hex;
  const value = Number.parseInt(long.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
