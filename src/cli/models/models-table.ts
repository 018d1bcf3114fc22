/** The list of models for people: a table in 80 columns, with more of each model where the terminal is wider. */
import { formatBytes, formatCount } from '../quantities.ts';
import type { Styles } from '../terminal.ts';
import type { ModelList, ModelRow } from './model-rows.ts';

/** Columns from which titles are shown as well. */
const WIDE = 110;
const HEADER = ['name', 'weights', 'download', 'kind', 'licence', 'here', 'memory', 'runs here'];
/** Columns of numbers, which are set to the right. */
const NUMBERS: ReadonlySet<number> = new Set([1, 2, 6]);
const RUNS: Readonly<Record<ModelRow['runs'], string>> = { yes: 'yes', tight: 'only just', no: 'no' };

/**
 * The table.
 *
 * @param width columns of the terminal
 * @param all with what each model is good for, and those that do not run here at all with the reason
 */
export function modelsTable(list: ModelList, styles: Styles, width: number, all: boolean): string {
  const isWide = width >= WIDE;
  const header = isWide ? [...HEADER, 'model'] : HEADER;
  const rows = list.models.map((row) => [...cellsOf(row), ...(isWide ? [row.title] : [])]);
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const pad = (cell: string, i: number) =>
    NUMBERS.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
  const line = (row: readonly string[]) => row.map(pad).join('  ').trimEnd();
  return `${[
    styles.bold(line(header)),
    ...rows.flatMap((row, i) => [
      styles.cyan(pad(row[0]!, 0)) + line(row).slice(widths[0]),
      ...(all ? detailLines(list.models[i]!, styles, width) : []),
    ]),
    '',
    ...refusedLines(list, styles, width, all),
    ...wrapped(
      '~ follows from the dims; memory is with the context full, at most 4096 tokens. `bitnet run NAME …` downloads what is ' +
        'not here, `bitnet can-run NAME` tells how fast it would be.',
      width,
      '',
    ).map(styles.dim),
  ].join('\n')}\n`;
}

function cellsOf(row: ModelRow): string[] {
  const { downloadBytes, isExactLength, memoryBytes } = row;
  return [
    row.name,
    formatCount(row.parameters).replace(' ', ''),
    downloadBytes === 0 ? '-' : `${isExactLength ? '' : '~'}${formatBytes(downloadBytes)}`,
    row.kind,
    row.licence ?? '?',
    row.here === 'no' ? '-' : row.here === 'yes' ? 'yes' : 'here',
    memoryBytes === null ? '?' : formatBytes(memoryBytes),
    RUNS[row.runs],
  ];
}

function detailLines(row: ModelRow, { dim }: Styles, width: number): string[] {
  const texts = [
    row.goodFor,
    ...row.defects,
    ...(row.reason === null ? [] : [`Runs here: ${RUNS[row.runs]}, ${row.reason}.`]),
    ...(row.aliases.length === 0 ? [] : [`Also called ${row.aliases.join(', ')}.`]),
    ...(row.repositories.length === 0 ? [] : [`From ${row.repositories.join(', ')}.`]),
  ];
  return texts.flatMap((text) => wrapped(text, width, '  ')).map(dim);
}

function refusedLines({ unsupported }: ModelList, styles: Styles, width: number, all: boolean): string[] {
  if (!all) {
    const names = unsupported.map(({ name }) => name).join(', ');
    return [...wrapped(`Not supported (--all tells why): ${names}.`, width, ''), ''];
  }
  return [
    styles.bold('Not supported'),
    ...unsupported.flatMap(({ name, title, unsupported: why }) => [
      `${name}  ${styles.dim(title)}`,
      ...wrapped(`${why}.`, width, '  '),
    ]),
    '',
  ];
}

/** Lines of whole words. */
function wrapped(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += (line.length === indent.length ? '' : ' ') + word;
  }
  return [...lines, line];
}
