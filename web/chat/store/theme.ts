/** Light, dark, or as the system has it: an attribute of the document, which the style sheets look at. */
import { effect, type Signal, signal } from '@preact/signals';
import { recall, remember } from '../../shared/remember.ts';

/** What can be chosen. */
export const THEMES = ['auto', 'light', 'dark'] as const;

/** One of them. */
export type Theme = (typeof THEMES)[number];

const NAME = 'bitnet.theme';
const stored = recall(NAME);

/** The one in use; setting it changes the page and is remembered. */
export const theme: Signal<Theme> = signal(THEMES.find((name) => name === stored) ?? 'auto');

effect(() => {
  if (theme.value === 'auto') {
    delete document.documentElement.dataset.theme;
    remember(NAME, undefined);
  } else {
    document.documentElement.dataset.theme = theme.value;
    remember(NAME, theme.value);
  }
});
