/** Answers of `bitnet can-run` for people: a sentence first, then what it rests on. */
import type { Estimate, FitAnswer, Machine, SpeedForecast, Verdict } from '../../fit/fit.ts';
import { formatBytes, formatWhole } from '../quantities.ts';
import type { Styles } from '../terminal.ts';

const WORDS: Readonly<Record<Verdict, string>> = { yes: 'Yes', tight: 'Only just', no: 'No' };

/** One model. */
export function answerText(answer: FitAnswer, machine: Machine, styles: Styles): string {
  const lines = [
    headline(answer, styles),
    ...rows(answer).map(([name, value]) => `  ${styles.dim(name.padEnd(NAME_WIDTH))}  ${value}`),
    ...adviceLines(answer, styles),
    '',
    ...machineLines(machine, styles),
  ];
  return `${lines.join('\n')}\n`;
}

/** All models, as a table. */
export function tableText(answers: readonly FitAnswer[], machine: Machine, styles: Styles): string {
  const header = ['model', 'runs', 'memory', 'generation', 'prompt', 'first token', 'download'];
  const cells = answers.map((answer) => {
    const { model, verdict, memory, speed } = answer;
    return [
      model.name,
      WORDS[verdict].toLowerCase(),
      memory === undefined ? '-' : formatBytes(memory.residentBytes),
      speed === undefined ? '-' : `${rate(speed.generation.value)} tok/s`,
      speed === undefined ? '-' : `${rate(speed.prefill.value)} tok/s`,
      speed === undefined ? '-' : seconds(speed.firstTokenSeconds.value),
      model.fileBytes === undefined ? '-' : formatBytes(model.fileBytes),
    ];
  });
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 || i === 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  const first = answers[0]?.question;
  const method =
    first === undefined
      ? []
      : [
          styles.dim(
            `context of up to ${formatWhole(Math.max(...answers.map(({ question }) => question.contextLength)))} tokens in ` +
              `${first.kvCache}, ${threadsText(first.threads)}; generation behind a prompt of ${first.promptTokens} tokens; ` +
              'memory with the context full',
          ),
        ];
  const refused = answers
    .filter(({ verdict, reason }) => verdict !== 'yes' && reason !== undefined)
    .map(({ model, reason }) => `  ${model.name}: ${reason}`);
  return `${[
    styles.bold(line(header)),
    ...cells.map(line),
    ...method,
    ...(refused.length === 0 ? [] : ['', ...refused]),
    '',
    ...machineLines(machine, styles),
  ].join('\n')}\n`;
}

const NAME_WIDTH = 12;

function headline({ model, verdict, reason, speed, question }: FitAnswer, styles: Styles): string {
  const word = styles.bold(`${WORDS[verdict]}:`);
  if (verdict === 'no') return `${word} ${model.name} does not run here: ${reason}.`;
  const fast =
    speed === undefined
      ? ''
      : `, about ${rate(speed.generation.value)} tokens/s; the first token of a prompt of ${question.promptTokens} ` +
        `comes after ${seconds(speed.firstTokenSeconds.value)}`;
  const limit = verdict === 'tight' ? `; ${reason}` : '';
  return `${word} ${model.name} runs here${fast}${limit}.`;
}

function rows(answer: FitAnswer): [name: string, value: string][] {
  const { model, memory, speed, question } = answer;
  const result: [string, string][] = [];
  if (speed !== undefined) result.push(...speedRows(speed, question.contextLength, question.promptTokens));
  if (memory !== undefined) {
    const { plan, mappedBytes, programBytes } = memory;
    result.push([
      'memory',
      `${formatBytes(memory.residentBytes)}: layers ${formatBytes(plan.layers)}, embedding and head ` +
        `${formatBytes(plan.embeddingAndHead - mappedBytes)}${memory.isInt8Head ? ' as int8' : ''}, ${question.kvCache} cache of ` +
        `${formatWhole(question.contextLength)} tokens ${formatBytes(plan.kvCache)}, work space ${formatBytes(plan.work)}, ` +
        `program ${formatBytes(programBytes)}`,
    ]);
    if (mappedBytes > 0) {
      result.push(['', `and ${formatBytes(mappedBytes)} that stay in the file, of which little is read`]);
    }
  }
  if (model.fileBytes !== undefined) result.push(['download', formatBytes(model.fileBytes)]);
  return result;
}

function speedRows(speed: SpeedForecast, context: number, prompt: number): [string, string][] {
  const { confidence } = speed;
  return [
    [
      'generation',
      `${interval(speed.generation)} tokens/s behind ${formatWhole(prompt)} tokens, ${interval(speed.generationAtEnd)} at the end of ${formatWhole(context)} (${confidence})`,
    ],
    ['prompt', `${interval(speed.prefill)} tokens/s (${confidence})`],
    [
      'loading',
      `about ${seconds(speed.loadSeconds.value)} when the system has the file in memory; longer from a disk`,
    ],
  ];
}

function adviceLines({ advice }: FitAnswer, styles: Styles): string[] {
  if (advice.length === 0) return [];
  return ['', styles.bold('What would help'), ...advice.map(({ sentence }) => `  ${sentence}`)];
}

function machineLines(machine: Machine, styles: Styles): string[] {
  const { performanceCores, efficiencyCores, usableThreads, limitedBy, rates } = machine;
  const kinds =
    performanceCores === undefined
      ? []
      : [
          efficiencyCores
            ? `${performanceCores} performance and ${efficiencyCores} efficiency cores`
            : `${performanceCores} cores`,
        ];
  const limit =
    limitedBy === 'cgroup'
      ? ', as the container allows'
      : limitedBy === 'affinity'
        ? ', as this process is bound'
        : '';
  const threads = `${Number.isInteger(usableThreads) ? usableThreads : usableThreads.toFixed(1)} usable${limit}`;
  const memory = [
    machine.totalMemoryBytes === undefined ? [] : [`${formatBytes(machine.totalMemoryBytes)} of memory`],
    machine.availableMemoryBytes === undefined ? [] : [`${formatBytes(machine.availableMemoryBytes)} free`],
  ].flat();
  const row = (name: string, parts: readonly string[]) =>
    parts.length === 0 ? [] : [`  ${styles.dim(name.padEnd(NAME_WIDTH))}  ${parts.join(', ')}`];
  return [
    styles.bold('This machine'),
    ...row('processor', [machine.processor ?? 'not told', ...kinds, threads]),
    ...row('instructions', machine.instructionSets),
    ...row('memory', memory),
    ...row('kernels', [machine.backend]),
    ...rates.flatMap(({ threads: count, decodeBytesPerSecond, readBytesPerSecond, prefillMacsPerSecond }) =>
      row(threadsText(count), [
        `weights read at ${gigabytes(decodeBytesPerSecond)}`,
        `memory at ${gigabytes(readBytesPerSecond)}`,
        `${(prefillMacsPerSecond / 1e9).toFixed(0)} G integer multiply-adds/s`,
      ]),
    ),
    styles.dim(`  measured in ${machine.measuredSeconds.toFixed(1)} s`),
  ];
}

function threadsText(count: number): string {
  return count === 1 ? '1 thread' : `${count} threads`;
}

function gigabytes(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e9).toFixed(1)} GB/s`;
}

function interval({ value, low, high }: Estimate): string {
  return `${rate(value)} (${rate(low)} to ${rate(high)})`;
}

function rate(value: number): string {
  return value >= 100 ? formatWhole(Math.round(value)) : value.toFixed(value >= 10 ? 0 : 1);
}

function seconds(value: number): string {
  return value >= 10 ? `${value.toFixed(0)} s` : `${value.toFixed(value >= 1 ? 1 : 2)} s`;
}
