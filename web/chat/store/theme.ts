/** Light, dark, or as the system has it: an attribute of the document, which the style sheets look at. */
import { effect, type Signal, signal } from '@preact/signals';

/** What can be chosen. */
export const THEMES = ['auto', 'light', 'dark'] as const;

/** One of them. */
export type Theme = (typeof THEMES)[number];

const NAME = 'bitnet.theme';
const stored = localStorage.getItem(NAME);

/** The one in use; setting it changes the page and is remembered. */
export const theme: Signal<Theme> = signal(THEMES.find((name) => name === stored) ?? 'auto');

effect(() => {
  if (theme.value === 'auto') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(NAME);
  } else {
    document.documentElement.dataset.theme = theme.value;
    localStorage.setItem(NAME, theme.value);
  }
});
