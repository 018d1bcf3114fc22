// @ts-check
/** What the turns gave: a Markdown table of medians, and whether all contenders in f32 trained the same model. */
import { median } from '../median.mjs';

/** @typedef {import('./contender.mjs').Contender} Contender */

/** Nats between two losses. */
const FIRST_TOLERANCE = 1e-3;
const LATER_TOLERANCE = 1e-2;

/**
 * @param {readonly Contender[]} contenders
 * @param {number} tokens in a step
 */
export function contenderTable(contenders, tokens) {
  const rivals = contenders.filter(({ entry, steps }) => entry.engine !== 'ours' && steps.length > 1);
  const head = [
    `${tokens} tokens a step`,
    'threads',
    'tokens/s',
    's a step',
    'CPU s a step',
    'first loss',
    'last loss',
    ...rivals.map(
      ({ entry }) => `times ${entry.name}, ${entry.threads} thread${entry.threads === 1 ? '' : 's'} (CPU s)`,
    ),
  ];
  const rows = contenders.map((contender) => {
    const { entry, note, steps, failure } = contender;
    const name = `${entry.name}${note === '' ? '' : ` (${note})`}`;
    const own = mediansOf(contender);
    if (own === undefined)
      return [name, `${entry.threads}`, `failed: ${failure}`, ...head.slice(3).map(() => '')];
    return [
      name,
      `${entry.threads}`,
      (tokens / own.seconds).toFixed(0),
      own.seconds.toFixed(2),
      own.cpuSeconds.toFixed(2),
      `${steps[0]?.loss.toFixed(4)}`,
      `${steps.at(-1)?.loss.toFixed(4)}`,
      ...rivals.map((rival) => {
        const theirs = mediansOf(rival);
        if (rival === contender || theirs === undefined) return '';
        return `${(theirs.seconds / own.seconds).toFixed(2)} (${(theirs.cpuSeconds / own.cpuSeconds).toFixed(2)})`;
      }),
    ];
  });
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/**
 * What is wrong with the losses in f32, in one sentence; undefined when all agree.
 *
 * @param {readonly Contender[]} contenders
 */
export function lossFault(contenders) {
  const [reference, ...others] = contenders.filter(
    ({ entry, steps }) => entry.precision === 'f32' && steps.length > 0,
  );
  if (reference === undefined) return 'nothing was measured in f32';
  for (const { entry, steps } of others) {
    for (const [i, { loss }] of steps.entries()) {
      const expected = reference.steps[i]?.loss ?? Number.NaN;
      if (Math.abs(loss - expected) <= (i === 0 ? FIRST_TOLERANCE : LATER_TOLERANCE)) continue;
      return `at step ${i + 1} the loss of ${entry.name} is ${loss}, and that of ${reference.entry.name} ${expected}: they do not train the same model`;
    }
  }
  return undefined;
}

/** Medians of the steps that count; undefined where there are none. @param {Contender} contender */
function mediansOf({ steps }) {
  const counted = steps.slice(1);
  if (counted.length === 0) return undefined;
  return {
    seconds: median(counted.map((step) => step.seconds)),
    cpuSeconds: median(counted.map((step) => step.cpuSeconds)),
  };
}
