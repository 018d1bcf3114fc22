/** A model report as lines of text. What the file says is made safe for a terminal here. */
import { formatBytes, formatCount, formatWhole } from '../quantities.ts';
import { printableLine, type Styles } from '../terminal.ts';
import type { ModelReport, NamedToken, TokenizerReport } from './model-report.ts';

const TEMPLATE_LINES = 6;
const MOST_TOKENS = 4;
const LINE_WIDTH = 100;

/** The report without the list of tensors. */
export function reportLines(report: ModelReport, styles: Styles): string[] {
  return [
    styles.bold(printableLine(report.config.name ?? report.name)),
    ...section(styles, '', [
      ['file', `${printableLine(report.name)}, ${formatOf(report)}, ${formatBytes(report.fileBytes)}`],
      ['architecture', report.architecture],
      ['parameters', parametersOf(report)],
      ['context', `${formatWhole(report.config.contextLength)} tokens`],
      ['memory', memoryOf(report)],
    ]),
    ...section(styles, 'Dimensions', dimensionsOf(report)),
    ...section(
      styles,
      'Tensors',
      report.tensorTypes.map(({ type, tensors, bytes }) => [
        type,
        `${formatWhole(tensors)} tensor${tensors === 1 ? '' : 's'}, ${formatBytes(bytes)}`,
      ]),
    ),
    ...section(styles, 'Tokenizer', report.tokenizer === null ? [] : tokenizerOf(report.tokenizer)),
    ...templateLines(report, styles),
    ...sentences(styles.bold('Corrections'), report.corrections),
    ...sentences(styles.yellow('Warnings'), report.warnings),
    ...sentences(styles.red('Problems: this model cannot be loaded'), report.problems),
  ];
}

/** One line for each tensor: name, type, shape, bytes. */
export function tensorLines(report: ModelReport): string[] {
  const width = (lengths: number[]) => Math.min(64, Math.max(0, ...lengths));
  const rows = report.tensors.map(({ name, type, shape, bytes }) => ({
    name: printableLine(name),
    type,
    shape: `[${shape.join(', ')}]`,
    bytes: formatWhole(bytes),
  }));
  const nameWidth = width(rows.map(({ name }) => name.length));
  const shapeWidth = width(rows.map(({ shape }) => shape.length));
  const bytesWidth = width(rows.map(({ bytes }) => bytes.length));
  return rows.map(
    ({ name, type, shape, bytes }) =>
      `${name.padEnd(nameWidth)}  ${type.padEnd(5)}  ${shape.padEnd(shapeWidth)}  ${bytes.padStart(bytesWidth)}`,
  );
}

type Row = readonly [name: string, value: string];

function section(styles: Styles, title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...(title === '' ? [] : ['', styles.bold(title)]),
    ...rows.map(([name, value]) => `  ${styles.dim(name.padEnd(width))}  ${value}`),
  ];
}

function sentences(title: string, texts: readonly string[]): string[] {
  return texts.length === 0 ? [] : ['', title, ...texts.map((text) => `  ${printableLine(text)}`)];
}

function formatOf({ format, ggufVersion }: ModelReport): string {
  return format === 'gguf' ? `GGUF version ${ggufVersion}` : 'Hugging Face folder';
}

function parametersOf({ parameters }: ModelReport): string {
  if (parameters === null) return 'unknown';
  const head =
    parameters.head === 0 ? 'which is the head too' : `${formatCount(parameters.head)} in the head`;
  return (
    `${formatCount(parameters.total)}: ${formatCount(parameters.ternary)} ternary, ` +
    `${formatCount(parameters.embedding)} in the embedding, ${head}`
  );
}

function memoryOf({ memory }: ModelReport): string {
  if (memory === null) return 'unknown';
  return (
    `about ${formatBytes(memory.total)}: layers ${formatBytes(memory.layers)}, embedding and head ` +
    `${formatBytes(memory.embeddingAndHead)}, ${memory.kvType} KV cache for ` +
    `${formatWhole(memory.contextLength)} tokens ${formatBytes(memory.kvCache)}, work space ${formatBytes(memory.work)}`
  );
}

function dimensionsOf({ config }: ModelReport): Row[] {
  return [
    ['layers', String(config.blockCount)],
    ['embedding', String(config.embeddingLength)],
    ['feed-forward', `${config.feedForwardLength}, ${config.activation}`],
    ['heads', `${config.headCount} of ${config.headLength}, ${config.headCountKv} for keys and values`],
    ['vocabulary', formatWhole(config.vocabularySize)],
    ['rope', `base ${formatWhole(config.ropeFreqBase)}, ${config.ropeStyle.toLowerCase()}`],
    ['norm epsilon', config.layerNormRmsEpsilon.toPrecision(3)],
  ];
}

function tokenizerOf(tokenizer: TokenizerReport): Row[] {
  const added = [...(tokenizer.addsBos ? ['BOS before'] : []), ...(tokenizer.addsEos ? ['EOS after'] : [])];
  return [
    ['kind', printableLine(tokenizer.kind)],
    ['tokens', formatWhole(tokenizer.vocabularySize)],
    ['BOS, EOS', [tokenizer.bos, tokenizer.eos].map((token) => tokenName(token)).join(', ')],
    ['adds', added.length === 0 ? 'nothing' : `${added.join(' and ')} every text`],
    ['stops at', tokenNames(tokenizer.stopTokens)],
    ['special', tokenNames(tokenizer.specialTokens)],
  ];
}

function tokenNames(tokens: readonly NamedToken[]): string {
  if (tokens.length === 0) return 'none';
  const shown = tokens.slice(0, MOST_TOKENS).map(tokenName).join(', ');
  return tokens.length > MOST_TOKENS
    ? `${shown} and ${formatWhole(tokens.length - MOST_TOKENS)} more`
    : shown;
}

function tokenName(token: NamedToken | null): string {
  return token === null ? 'none' : `${printableLine(token.text)} (${token.id})`;
}

function templateLines({ chatTemplate, tokenizer }: ModelReport, styles: Styles): string[] {
  const title = styles.bold('Chat template');
  if (tokenizer === null) return [];
  if (chatTemplate === null) return ['', title, '  none: a base model, which continues text'];
  const lines = chatTemplate.split('\n');
  const shown = lines.slice(0, TEMPLATE_LINES).map((line) => {
    const safe = printableLine(line);
    return `  ${safe.length > LINE_WIDTH ? `${safe.slice(0, LINE_WIDTH - 1)}…` : safe}`;
  });
  const rest = lines.length - shown.length;
  return ['', title, ...shown, ...(rest > 0 ? [styles.dim(`  … ${rest} more lines, all with --json`)] : [])];
}
