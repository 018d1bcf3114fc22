/** A chart of lines as SVG: axes with round numbers, a grid, one path a series, dots that tell their value. */
import { escapeMarkup } from './markup.ts';

/** Points of a line, x rising. */
export type Points = readonly (readonly [x: number, y: number])[];

/** One line. */
export interface Series {
  readonly label: string;
  /** A CSS colour. */
  readonly colour: string;
  readonly points: Points;
  /** `faint` for what is only the ground of another line. */
  readonly look?: 'line' | 'faint' | 'dots' | 'dashed';
}

/** What a chart shows. */
export interface LineChart {
  readonly title: string;
  /** Unit of y, beside the title; '' where the title says it. */
  readonly unit: string;
  readonly series: readonly Series[];
  /** Whether the axis of y begins at 0. */
  readonly fromZero?: boolean;
  /** Where the axis of x begins; points before it are left out. Default 0. */
  readonly firstStep?: number;
  readonly note?: string;
}

const WIDTH = 640;
const HEIGHT = 280;
/** Room for tick texts also where a narrow page shows them larger (style.ts). */
const MARGIN = { left: 74, right: 20, top: 14, bottom: 48 } as const;
/** More than there are pixels is only bytes. */
const MOST_POINTS = 500;

/** A figure with its legend; '' when there is nothing to show. */
export function lineChart(chart: LineChart): string {
  const { firstStep = 0 } = chart;
  const series = chart.series
    .map((one) => ({
      ...one,
      points: one.points.filter(([x, y]) => Number.isFinite(x) && x >= firstStep && Number.isFinite(y)),
    }))
    .filter(({ points }) => points.length > 0);
  if (series.length === 0) return '';
  const all = series.flatMap(({ points }) => points);
  const lastStep = all.reduce((most, [value]) => Math.max(most, value), firstStep + 1);
  const x = axis([firstStep, lastStep], MARGIN.left, WIDTH - MARGIN.right, 1);
  const y = axis(yRange(all, chart.fromZero === true), HEIGHT - MARGIN.bottom, MARGIN.top);
  const unit = chart.unit === '' ? '' : ` <span class="unit">${escapeMarkup(chart.unit)}</span>`;
  const legend = series.map(
    ({ label, colour, look }) =>
      `<li><span class="key ${look ?? 'line'}" style="--c:${colour}"></span>${escapeMarkup(label)}</li>`,
  );
  return [
    '<figure>',
    `<figcaption>${escapeMarkup(chart.title)}${unit}</figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeMarkup(chart.title)}">`,
    ...y.ticks.map(
      (value) =>
        `<path class="grid" d="M${MARGIN.left} ${fixed(y.at(value))}H${WIDTH - MARGIN.right}"/>` +
        `<text class="tick" x="${MARGIN.left - 6}" y="${fixed(y.at(value))}" dy="0.35em" text-anchor="end">${tickText(value, y.step)}</text>`,
    ),
    ...x.ticks.map(
      (value) =>
        `<text class="tick" x="${fixed(x.at(value))}" y="${HEIGHT - MARGIN.bottom + 6}" dy="0.75em" text-anchor="middle">${tickText(value, x.step)}</text>`,
    ),
    `<path class="axis" d="M${MARGIN.left} ${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}"/>`,
    `<text class="label" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">step</text>`,
    ...series.map((one) => drawSeries(one, x.at, y.at)),
    '</svg>',
    series.length > 1 ? `<ul class="legend">${legend.join('')}</ul>` : '',
    chart.note === undefined ? '' : `<p class="note">${escapeMarkup(chart.note)}</p>`,
    '</figure>',
  ].join('\n');
}

function drawSeries({ label, colour, points, look }: Series, x: Scale, y: Scale): string {
  const thin = thinned(points);
  const path = thin.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${fixed(x(px))} ${fixed(y(py))}`).join('');
  const line =
    thin.length < 2 ? '' : `<path class="line ${look ?? 'line'}" style="--c:${colour}" d="${path}"/>`;
  if (look !== 'dots' && thin.length > 1) return line;
  const dots = thin.map(
    ([px, py]) =>
      `<circle class="dot" style="--c:${colour}" cx="${fixed(x(px))}" cy="${fixed(y(py))}" r="3">` +
      `<title>${escapeMarkup(label)}, step ${px}: ${Number(py.toPrecision(6))}</title></circle>`,
  );
  return line + dots.join('');
}

/** At most {@link MOST_POINTS} points: the means of equal stretches. */
export function thinned(points: Points): Points {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, i) => {
    const from = Math.floor((i * points.length) / MOST_POINTS);
    const part = points.slice(from, Math.floor(((i + 1) * points.length) / MOST_POINTS));
    const mean = (pick: 0 | 1) => part.reduce((sum, point) => sum + point[pick], 0) / part.length;
    return [mean(0), mean(1)] as const;
  });
}

type Scale = (value: number) => number;

interface Axis {
  readonly at: Scale;
  readonly ticks: readonly number[];
  readonly step: number;
}

/** @param least the smallest distance of ticks */
function axis([low, high]: readonly [number, number], start: number, end: number, least = 0): Axis {
  const step = Math.max(least, roundStep((high - low) / 5));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return {
    at: (value) => start + ((value - low) / (high - low)) * (end - start),
    ticks: Array.from({ length: Math.max(0, count) }, (_, i) => (first + i) * step),
    step,
  };
}

function yRange(points: Points, fromZero: boolean): [number, number] {
  const [low, high] = rangeOf(points.map(([, value]) => value));
  if (fromZero && low >= 0) return [0, high * 1.05];
  const pad = (high - low) * 0.05;
  return [low - pad, high + pad];
}

/** Least and largest, never the same. */
function rangeOf(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low < high) return [low, high];
  const pad = low === 0 ? 1 : Math.abs(low) * 0.5;
  return [low - pad, high + pad];
}

/** The next of 1, 2, 5, 10, … times a power of ten. */
function roundStep(exact: number): number {
  const power = 10 ** Math.floor(Math.log10(exact));
  return power * ([1, 2, 5].find((factor) => factor * power >= exact * 0.999) ?? 10);
}

function tickText(value: number, step: number): string {
  if (value === 0) return '0';
  const most = Math.abs(value);
  if (most >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (most >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  if (step < 1e-4) return value.toExponential(1);
  return value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
