/** A report of `bitnet bench` as a table for people, as Markdown for documents, and as CSV for spreadsheets. */
import { formatBytes, formatCount, formatRate, formatSeconds, formatWhole } from '../quantities.ts';
import type { Styles } from '../terminal.ts';
import type { BenchReport, Breakdown } from './report.ts';
import { type BenchResult, median } from './results.ts';

/** The table for people. */
export function reportText(report: BenchReport, styles: Styles): string {
  const { samples } = report;
  const size = report.fileBytes === undefined ? '' : `, ${formatBytes(report.fileBytes)}`;
  const isSweep = new Set(report.results.map(({ threads }) => threads)).size > 1;
  const head: [name: string, value: string][] = [
    ['model', `${report.model}${size}`],
    ['', shapeText(report)],
    ['backend', `${report.backend}${isSweep ? '' : `, ${threadsText(report.threads)}`}`],
    ['held', heldText(report)],
    ['machine', machineText(report)],
    ['', ''],
    ['load', formatSeconds(report.loadSeconds)],
    ['first token', spread(samples.firstTokenSeconds, formatSeconds)],
  ];
  const measured = report.results.flatMap((result): [string, string][] => [
    [labelOf(result, isSweep), rangeText(result)],
    ...(result.percentOfLimit === undefined ? [] : ([['', limitText(result)]] as [string, string][])),
  ]);
  const rows = [...head, ...measured, ['peak memory', formatBytes(report.peakMemoryBytes)] as const];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${styles.dim(name.padEnd(width))}  ${value}`.trimEnd());
  const shortest = Object.keys(samples.promptTokensPerSecond)[0];
  const method = `medians of ${report.runs} (lowest to highest); first token: after the prompt of ${shortest}`;
  const breakdown = breakdownRows(report).map((row) =>
    row.map((cell, i) => cell.padEnd(i === 0 ? width : 10)),
  );
  return [
    ...lines,
    styles.dim(method),
    ...(breakdown.length === 0 ? [] : ['', ...breakdown.map((row) => row.join('  ').trimEnd())]),
    ...report.notes.map((note) => styles.dim(`note: ${note}`)),
    '',
  ].join('\n');
}

/** Tables in Markdown, with the machine below. */
export function reportMarkdown(report: BenchReport): string {
  const rows = report.results.map((result) => [
    labelOf(result, false),
    String(result.threads),
    threeDigits(result.tokensPerSecond),
    `${threeDigits(result.lowest)} to ${threeDigits(result.highest)}`,
    result.bytesPerToken === undefined ? '' : formatBytes(result.bytesPerToken),
    result.percentOfLimit === undefined ? '' : `${result.percentOfLimit.toFixed(0)} %`,
  ]);
  const columns = ['', 'threads', 'tokens/s', 'range', 'bytes a token', 'of the limit'];
  const breakdown = breakdownRows(report);
  return [
    ...markdownTable(columns, rows),
    '',
    `${report.model}: ${shapeText(report)}; ${report.backend}, ${heldText(report)}. Medians of ${report.runs}. Load ` +
      `${formatSeconds(report.loadSeconds)}, peak memory ${formatBytes(report.peakMemoryBytes)}.`,
    `Machine: ${machineText(report)}; memory read at ${bandwidthText(report.memoryBandwidthBytesPerSecond)}.`,
    ...(breakdown.length === 0 ? [] : ['', ...markdownTable(breakdown[0]!, breakdown.slice(1))]),
    '',
  ].join('\n');
}

const CSV_COLUMNS = [
  'kind',
  'threads',
  'tokens',
  'batch',
  'context',
  'tokensPerSecond',
  'lowest',
  'highest',
  'multiplyAddsPerToken',
  'bytesPerToken',
  'memoryBandwidthBytesPerSecond',
  'percentOfLimit',
] as const satisfies readonly (keyof BenchResult)[];

/** One line for each row, with a line of names first. */
export function reportCsv({ results }: BenchReport): string {
  const lines = results.map((result) => CSV_COLUMNS.map((column) => result[column] ?? '').join(','));
  return `${[CSV_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** A table in Markdown; cells must not contain bars. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** Names of operations and their percentages, under a line of names; nothing without a breakdown. */
function breakdownRows({ breakdown }: BenchReport): string[][] {
  if (breakdown === undefined) return [];
  const passes = Object.entries(breakdown).flatMap(([threads, { prefill, decode }]) => [
    { name: `prefill, ${threads}T`, ...prefill },
    { name: `decode, ${threads}T`, ...decode },
  ]);
  const last = passes.at(-1)!;
  const names = new Set([last, ...passes].flatMap(({ percent }) => Object.keys(percent)));
  names.delete('other');
  const cell = ({ percent }: Breakdown, name: string) => `${(percent[name] ?? 0).toFixed(1)} %`;
  return [
    ['time', ...passes.map(({ name }) => name)],
    ...[...names, 'other'].map((name) => [name, ...passes.map((pass) => cell(pass, name))]),
  ];
}

function labelOf({ kind, tokens, batch, context, threads }: BenchResult, withThreads: boolean): string {
  const parts = [
    `${kind} ${tokens}`,
    ...(batch > 1 ? [`${batch} sequences`] : []),
    ...(kind === 'generate' ? [`context ${context}`] : []),
    ...(withThreads ? [threadsText(threads)] : []),
  ];
  return parts.join(', ');
}

function limitText({ bytesPerToken, multiplyAddsPerToken, ...result }: BenchResult): string {
  return (
    `${formatBytes(bytesPerToken ?? 0)} and ${formatCount(multiplyAddsPerToken)} multiply-adds a token; ` +
    `${(result.percentOfLimit ?? 0).toFixed(0)} % of what memory at ${bandwidthText(result.memoryBandwidthBytesPerSecond)} allows`
  );
}

function bandwidthText(bytesPerSecond = 0): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

function threadsText(threads: number): string {
  return `${threads} thread${threads === 1 ? '' : 's'}`;
}

function shapeText({ architecture, layers, embeddingLength, vocabularySize }: BenchReport): string {
  return `${architecture}, ${layers} layers of ${embeddingLength}, ${formatWhole(vocabularySize)} tokens`;
}

function heldText({ contextLength, kvCache, headPrecision }: BenchReport): string {
  return `context of ${contextLength}, KV cache ${kvCache}, head ${headPrecision}`;
}

function machineText({ cpu, cores, memoryBytes, node }: BenchReport): string {
  return `${cpu}, ${cores} cores, ${formatBytes(memoryBytes)}; Node ${node}`;
}

function rangeText({ tokensPerSecond, lowest, highest }: BenchResult): string {
  if (lowest === highest) return formatRate(tokensPerSecond);
  return `${formatRate(tokensPerSecond)} (${formatRate(lowest)} to ${formatRate(highest)})`;
}

function spread(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 1) return format(values[0]!);
  return `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

function threeDigits(value: number): string {
  return formatRate(value).replace(' tok/s', '');
}
