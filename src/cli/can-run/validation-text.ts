/** What `bitnet can-run --validate` found, as a table. */
import type { Comparison } from '../../fit/calibration.ts';
import { formatBytes } from '../quantities.ts';
import type { Styles } from '../terminal.ts';
import type { ValidationRow } from './validate.ts';

/** Predicted, measured and error of each shape and number of threads, and the largest errors. */
export function validationText(rows: readonly ValidationRow[], styles: Styles): string {
  const header = ['shape', 'threads', 'what', 'predicted', 'measured', 'error'];
  const cells = rows.flatMap(({ shape, threads, prefill, generation, memory, loadSeconds }) => {
    const row = (what: string, part: Comparison, format: (value: number) => string) => [
      shape,
      String(threads),
      what,
      format(part.predicted),
      format(part.measured),
      errorText(part),
    ];
    return [
      row('prompt', prefill, speed),
      row('generation', generation, speed),
      ...(memory === undefined ? [] : [row('memory', memory, formatBytes)]),
      row('load', loadSeconds, (value) => `${value.toFixed(2)} s`),
    ];
  });
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((cell) => cell[i]!.length)));
  const line = (cell: readonly string[]) =>
    cell
      .map((text, i) => (i === 0 || i === 2 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join('  ');
  const speeds = rows.flatMap(({ prefill, generation }) => [prefill, generation]);
  const memories = rows.flatMap(({ memory }) => (memory === undefined ? [] : [memory]));
  const worst = [
    `largest error of a speed ${percent(worstOf(speeds))}`,
    ...(memories.length === 0 ? [] : [`of memory ${percent(worstOf(memories))}`]),
  ];
  return `${[styles.bold(line(header)), ...cells.map(line), '', `${worst.join(', ')}; predicted without calibration`].join('\n')}\n`;
}

/** By how much a prediction is too high (positive) or too low. */
export function relativeError({ predicted, measured }: Comparison): number {
  return predicted / measured - 1;
}

function worstOf(comparisons: readonly Comparison[]): number {
  return Math.max(...comparisons.map((part) => Math.abs(relativeError(part))));
}

function errorText(part: Comparison): string {
  const error = relativeError(part);
  return `${error < 0 ? '-' : '+'}${percent(Math.abs(error))}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function speed(value: number): string {
  return `${value.toFixed(value >= 100 ? 0 : 1)} tok/s`;
}
