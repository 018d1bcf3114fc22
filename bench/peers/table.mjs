// @ts-check
/** The result of a race as a Markdown table: medians, and how many times as fast ours was as each rival. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { median } from '../median.mjs';

/**
 * Medians of one runner: prompts by length, and generation.
 *
 * @typedef {{ prompts: number[], generate: number } | undefined} Medians
 */

/**
 * @param {string} title
 * @param {import('./rounds.mjs').Runner[]} runners the first is ours
 * @param {import('./settings.mjs').Settings} settings
 */
export function raceTable(title, runners, { prompts, generate, threads }) {
  const ours = mediansOf(runners[0], prompts);
  const kinds = [...prompts.map((length) => `prompt ${length}`), `generate ${generate}`];
  const head = [
    `${title}, ${threads} threads, tokens/s`,
    ...kinds,
    ...kinds.map((kind) => `ours / theirs, ${kind}`),
  ];
  const rows = runners.map((runner, i) => {
    const name = `${runner.name}${runner.rounds[0] === undefined ? '' : ` (${runner.rounds[0].note})`}`;
    const own = mediansOf(runner, prompts);
    if (own === undefined) return [name, `failed: ${runner.failure}`, ...head.slice(2).map(() => '')];
    const rates = [...own.prompts, own.generate];
    const oursRates = ours === undefined ? [] : [...ours.prompts, ours.generate];
    const ratios = rates.map((rate, k) =>
      i === 0 || ours === undefined ? '' : `${((oursRates[k] ?? 0) / rate).toFixed(2)}`,
    );
    return [name, ...rates.map((rate) => rate.toFixed(rate < 100 ? 1 : 0)), ...ratios];
  });
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/**
 * @param {import('./rounds.mjs').Runner | undefined} runner
 * @param {readonly number[]} prompts
 * @returns {Medians} undefined when no round came to its end
 */
export function mediansOf(runner, prompts) {
  if (runner === undefined || runner.rounds.length === 0) return undefined;
  return {
    prompts: prompts.map((length) =>
      median(runner.rounds.map((round) => round.prompts[length] ?? Number.NaN)),
    ),
    generate: median(runner.rounds.map((round) => round.generate)),
  };
}

/** Where and with what it was measured. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    node: process.version,
    commit: commit(),
  };
}

function commit() {
  try {
    const git = (/** @type {string[]} */ ...args) =>
      execFileSync('git', args, {
        encoding: 'utf8',
        cwd: fileURLToPath(new URL('.', import.meta.url)),
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    const changed = git('status', '--porcelain') === '' ? '' : ', changed';
    return `${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'unknown';
  }
}
