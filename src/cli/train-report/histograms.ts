/**
 * How the weights of each matrix are distributed, in units of its scale: one small histogram a matrix, layers below each
 * other. A ternary matrix turns what lies between the two marks, at -1/2 and 1/2, into zeros.
 */
import type { MatrixMetrics, WeightMetrics } from '../../train/loop/metrics.ts';
import { escapeMarkup } from './markup.ts';

const WIDTH = 120;
const HEIGHT = 56;
/** Histograms cover w / scale from -REACH to REACH. */
const REACH = 4;

/** A grid of histograms: bars for the last weights, a line for the first ones. */
export function histogramGrid(first: WeightMetrics, last: WeightMetrics, colour: string): string {
  const before = new Map(first.matrices.map((matrix) => [matrix.name, matrix]));
  const layers = [...new Set(last.matrices.map(({ layer }) => layer))].sort((a, b) => a - b);
  const roles = [...new Set(last.matrices.map(({ name }) => roleOf(name)))];
  const row = (layer: number) => {
    const cells = roles.map((role) => {
      const matrix = last.matrices.find((one) => one.layer === layer && roleOf(one.name) === role);
      return `<td>${matrix === undefined ? '' : histogram(matrix, before.get(matrix.name), colour)}</td>`;
    });
    return `<tr><th scope="row">${layer}</th>${cells.join('')}</tr>`;
  };
  return [
    '<div class="scroll"><table class="grid">',
    `<thead><tr><th>layer</th>${roles.map((role) => `<th>${escapeMarkup(role)}</th>`).join('')}</tr></thead>`,
    `<tbody>${layers.map(row).join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}

/** `q_proj` of `model.layers.0.self_attn.q_proj.weight`. */
export function roleOf(name: string): string {
  const parts = name.split('.').filter((part) => part !== 'weight');
  return parts.at(-1) ?? name;
}

function histogram(matrix: MatrixMetrics, before: MatrixMetrics | undefined, colour: string): string {
  const shares = sharesOf(matrix);
  const old = before === undefined || before === matrix ? undefined : sharesOf(before);
  const most = Math.max(...shares, ...(old ?? []), 1e-9);
  const step = WIDTH / shares.length;
  const top = (value: number) => HEIGHT - (value / most) * (HEIGHT - 4);
  const bars = shares.map((value, i) => {
    const y = top(value);
    return `M${round(i * step)} ${HEIGHT}V${round(y)}h${round(step - 0.5)}V${HEIGHT}z`;
  });
  const line = old?.map(
    (value, i) => `${i === 0 ? 'M' : 'L'}${round((i + 0.5) * step)} ${round(top(value))}`,
  );
  const at = (value: number) => ((value + REACH) / (2 * REACH)) * WIDTH;
  const zeros = matrix.zeroShare === null ? '' : `, ${(100 * matrix.zeroShare).toFixed(1)} % zeros`;
  const title = `${matrix.name}: scale ${matrix.scale.toPrecision(3)}${zeros}`;
  const marks =
    matrix.zeroShare === null
      ? ''
      : `<path class="mark" d="M${round(at(-0.5))} 0V${HEIGHT}M${round(at(0.5))} 0V${HEIGHT}"/>`;
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${escapeMarkup(title)}</title>` +
    `<path class="bars" style="--c:${colour}" d="${bars.join('')}"/>${marks}` +
    `${line === undefined ? '' : `<path class="before" d="${line.join('')}"/>`}</svg>`
  );
}

function sharesOf({ histogram: counts }: MatrixMetrics): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all === 0 ? 0 : count / all));
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
