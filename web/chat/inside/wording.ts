/** Words and numbers of the tab Inside. */
import type { MatrixName } from '../transport/inside-source.ts';

/** What each matrix is for, for somebody who has never heard of it. */
export const MATRICES: Readonly<Record<MatrixName, { readonly title: string; readonly purpose: string }>> = {
  q: { title: 'Query (q)', purpose: 'asks: which earlier words does this one want to know about?' },
  k: { title: 'Key (k)', purpose: 'answers such questions: what does this word have to offer?' },
  v: { title: 'Value (v)', purpose: 'holds what a word passes on to those that ask.' },
  o: { title: 'Output (o)', purpose: 'puts together what was gathered from other words.' },
  gate: { title: 'Gate', purpose: 'decides which of thousands of learned features apply to the word.' },
  up: { title: 'Up', purpose: 'computes what those features say.' },
  down: { title: 'Down', purpose: 'brings the features that apply back into one vector.' },
};

/** With commas: `2,560`. A minus sign is one. */
export function countText(value: number): string {
  // A sum of nothing but taken-away zeros is -0.
  return (value === 0 ? 0 : value).toLocaleString('en').replace('-', '−');
}

/** As in `2.08 billion`. */
export function roughText(value: number): string {
  const format = new Intl.NumberFormat('en', {
    notation: 'compact',
    compactDisplay: 'long',
    maximumSignificantDigits: 3,
  });
  return format.format(value);
}

/** A measured number with four digits. */
export function realText(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(3) : Number(value.toPrecision(4)).toString();
  return text.replaceAll('-', '−');
}

/** `37.4 %` */
export function shareText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A weight or a term with its sign: `+37`, `−5`, `0`. */
export function signedText(value: number): string {
  return value > 0 ? `+${countText(value)}` : countText(value);
}

/** `12.3 times`, with fewer digits the larger it is. */
export function timesText(factor: number): string {
  return `${factor >= 9.95 ? Math.round(factor) : factor.toFixed(1)} times`;
}
