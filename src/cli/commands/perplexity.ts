/** `bitnet perplexity`: how well a model predicts a text. */
import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { BitnetError } from '../../base/errors.ts';
import { measurePerplexity, type PerplexityOptions, type PerplexityResult } from '../../eval/perplexity.ts';
import type { Model } from '../../index.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import { computeLabel } from '../generation/statistics.ts';
import { loadOptionsOf, loadWithProgress, MODEL_OPTIONS, splitModel } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { switchOption, wholeOption } from '../option-values.ts';
import { ProgressBar } from '../progress.ts';
import { formatSeconds, formatWhole } from '../quantities.ts';
import { writeOutput } from '../terminal.ts';

/** Longest text; its tokens are held in memory. */
const MAX_TEXT_BYTES = 256 * 2 ** 20;

/** The command. */
export const command: Command = {
  name: 'perplexity',
  summary: 'Measure how well a model predicts a text.',
  positionals: '[MODEL] FILE',
  details:
    'The text (UTF-8; - reads it from stdin) is encoded whole and cut into pieces of --window tokens. Each piece is scored ' +
    'on its own, behind the beginning-of-text token if the model expects one; without one, the first token of a piece is ' +
    'not scored. With --stride below the window, pieces overlap: tokens that were scored in an earlier piece only give ' +
    'the others their context. The perplexity is e to the mean negative log-probability of the scored tokens; bits per ' +
    'byte compare models with different vocabularies.',
  options: [
    { name: 'window', value: 'N', help: 'Tokens of a piece.', default: 'what fits in the context' },
    { name: 'stride', value: 'N', help: 'Tokens from one piece to the next.', default: 'the window' },
    { name: 'limit', value: 'N', help: 'Look only at the first N tokens of the text.' },
    { name: 'json', help: 'Write one JSON object.' },
    ...MODEL_OPTIONS,
  ],
  examples: [
    ['bitnet perplexity story.txt', 'with the bundled model'],
    [
      'bitnet perplexity model.gguf wiki.txt --window 511 --limit 20000',
      'the start of a long text, in short pieces',
    ],
    ['cat *.md | bitnet perplexity model.gguf - --json', 'text from stdin, result for a program'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source, words } = splitModel(input, 'perplexity', ['FILE']);
  const options = perplexityOptionsOf(input);
  const loadOptions = loadOptionsOf(input);
  const text = await readText(words[0]!, input.signal);
  const isJson = switchOption(input, 'json');
  const model = await loadWithProgress(source, loadOptions, isJson);
  try {
    const start = performance.now();
    const result = await measureWithProgress(model, text, options);
    const seconds = (performance.now() - start) / 1000;
    if (isJson) {
      await writeJson(model, modelLabel(source), words[0]!, result, options, seconds);
    } else await writeOutput(resultText(model, result, seconds));
  } finally {
    await model.dispose();
  }
  return ExitStatus.ok;
}

function perplexityOptionsOf(input: CommandInput): PerplexityOptions {
  const window = wholeOption(input, 'window', 1);
  const stride = wholeOption(input, 'stride', 1);
  const limit = wholeOption(input, 'limit', 1);
  return {
    ...(window === undefined ? {} : { window }),
    ...(stride === undefined ? {} : { stride }),
    ...(limit === undefined ? {} : { limit }),
    signal: input.signal,
  };
}

async function measureWithProgress(
  model: Model,
  text: string,
  options: PerplexityOptions,
): Promise<PerplexityResult> {
  const bar = new ProgressBar('scoring');
  try {
    const progress = measurePerplexity(model, text, options);
    for (;;) {
      const { value, done } = await progress.next();
      if (done === true) return value;
      bar.update(value.share);
    }
  } finally {
    bar.finish();
  }
}

function resultText(model: Model, result: PerplexityResult, seconds: number): string {
  return [
    `perplexity     ${result.perplexity.toPrecision(6)}`,
    `bits per byte  ${result.bitsPerByte.toPrecision(6)}`,
    `scored         ${formatWhole(result.tokens)} tokens, ${formatWhole(result.bytes)} bytes, in ${formatSeconds(seconds)}`,
    `backend        ${computeLabel(model)}`,
    '',
  ].join('\n');
}

async function writeJson(
  model: Model,
  label: string,
  file: string,
  result: PerplexityResult,
  { limit }: PerplexityOptions,
  seconds: number,
): Promise<void> {
  const report = {
    model: label,
    file,
    ...result,
    limit,
    contextLength: model.contextLength,
    backend: model.backend,
    threads: model.threads,
    seconds,
    notes: model.notes,
  };
  await writeOutput(`${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`);
}

/** The text of a file or of stdin, byte for byte: a newline at the end counts. */
async function readText(path: string, signal: AbortSignal): Promise<string> {
  const name = path === '-' ? 'standard input' : path;
  const stream = addAbortSignal(signal, path === '-' ? process.stdin : createReadStream(path));
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > MAX_TEXT_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BitnetError('eval/unreadable', `${name} cannot be read: ${why}`, { cause });
  }
  if (length > MAX_TEXT_BYTES) {
    throw new BitnetError(
      'eval/too-long',
      `${name} has more than ${MAX_TEXT_BYTES} bytes; give a part of it`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new BitnetError('eval/not-text', `${name} is not text in UTF-8`, { cause });
  }
}
