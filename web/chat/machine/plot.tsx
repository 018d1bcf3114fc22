/** Draws one plot with uPlot: lines over the last minutes, in the colours of the page, as wide as there is room. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Figure } from './figures.ts';
import { mostOf, type Sample } from './history.ts';

const HEIGHT = 154;
/** Between the ticks of the value axis, in pixels. */
const TICK_SPACE = 34;
const VALUE_AXIS_WIDTH = 58;
const TIME_AXIS_HEIGHT = 28;
/** Seconds between the mouse and a sample that it points at. */
const NEAR = 6;
/** Parts of the time axis. */
const TIME_PARTS = 4;
const FONT = '12px system-ui, sans-serif';
/** Steps of an axis that counts. */
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** What changes from reading to reading. */
interface Shown {
  readonly samples: readonly Sample[];
  /** Milliseconds. */
  readonly duration: number;
  readonly most: number | undefined;
}

/** The plot; `label` says in words what is to be seen. `onPoint` is told which sample the mouse is at. */
export function Plot({
  figure,
  label,
  onPoint,
  ...shown
}: Shown & {
  readonly figure: Figure;
  readonly label: string;
  readonly onPoint: (index: number | undefined) => void;
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef<Shown>(shown);
  latest.current = shown;

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const made = new uPlot(
      optionsOf(figure, element, latest, onPoint),
      dataOf(figure, shown.samples),
      element,
    );
    plot.current = made;
    const resizing = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resizing.observe(element);
    const stopWatching = watchTheme(() => made.redraw(false));
    return () => {
      stopWatching();
      resizing.disconnect();
      made.destroy();
    };
  }, []);

  useEffect(() => {
    plot.current?.setData(dataOf(figure, shown.samples));
  }, [figure, shown.samples, shown.duration, shown.most]);

  return <div class="plot" ref={place} role="img" aria-label={label} />;
}

function dataOf({ lines }: Figure, samples: readonly Sample[]): uPlot.AlignedData {
  return [
    samples.map(({ time }) => time / 1000),
    ...lines.map(({ value }) => samples.map((sample) => value(sample) ?? null)),
  ];
}

function optionsOf(
  figure: Figure,
  element: HTMLElement,
  latest: { readonly current: Shown },
  onPoint: (index: number | undefined) => void,
): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name).trim();
  const paths = figure.isStepped ? uPlot.paths.stepped?.({ align: 1 }) : uPlot.paths.linear?.();
  const line = (name: string, width: number): uPlot.Series => ({
    stroke: colour(name),
    width,
    points: { show: false },
    ...(paths !== undefined && { paths }),
  });
  const first = { ...line('--plot-first', 2), fill: colour('--plot-first-fill') };
  const second = { ...line('--plot-second', 1.5), dash: [5, 4] };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'machine' }, points: { size: 7 } },
    hooks: { setCursor: [(plot) => onPoint(pointedAt(plot))] },
    series: [{}, first, ...(figure.lines.length > 1 ? [second] : [])],
    scales: {
      x: { time: false, range: () => timeRange(latest.current) },
      y: { range: () => valueRange(figure, latest.current) },
    },
    axes: [
      {
        font: FONT,
        size: TIME_AXIS_HEIGHT,
        gap: 8,
        stroke: colour('--soft'),
        grid: { show: false },
        ticks: { show: false },
        splits: (_, _axis, from, to) =>
          Array.from({ length: TIME_PARTS + 1 }, (_, part) => from + ((to - from) * part) / TIME_PARTS),
        values: ({ scales }, splits) => splits.map((split) => agoText((scales.x?.max ?? split) - split)),
      },
      {
        font: FONT,
        size: VALUE_AXIS_WIDTH,
        gap: 6,
        space: TICK_SPACE,
        stroke: colour('--soft'),
        grid: { stroke: colour('--plot-grid'), width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map(figure.tick),
        ...(figure.isCount && { incrs: WHOLE_STEPS }),
      },
    ],
  };
}

/** The sample below the mouse, if there is one close to it. */
function pointedAt({ cursor, data, posToVal }: uPlot): number | undefined {
  const { idx, left } = cursor;
  if (idx === null || idx === undefined || left === undefined || left < 0) return undefined;
  const time = data[0][idx] ?? Number.NaN;
  return Math.abs(time - posToVal(left, 'x')) < NEAR ? idx : undefined;
}

function timeRange({ samples, duration }: Shown): [number, number] {
  const end = (samples.at(-1)?.time ?? Date.now()) / 1000;
  return [end - duration / 1000, end];
}

/** From 0 to a little more than what is seen. */
function valueRange({ lines, least }: Figure, { samples, duration, most }: Shown): [number, number] {
  const from = (samples.at(-1)?.time ?? 0) - duration;
  const seen = samples.filter(({ time }) => time >= from);
  const top = Math.max(least, ...lines.map(({ value }) => 1.15 * (mostOf(seen, value) ?? 0)));
  return [0, Math.min(top, most ?? Infinity)];
}

/** As in `2 min` and `now`: before the end of the plot. */
function agoText(seconds: number): string {
  if (seconds < 0.5) return 'now';
  const minutes = seconds / 60;
  return minutes >= 1
    ? `${Number.isInteger(minutes) ? minutes : minutes.toFixed(1)} min`
    : `${Math.round(seconds)} s`;
}

/** Calls back when the page changes from light to dark, by the system or by its own switch. */
function watchTheme(onChange: () => void): () => void {
  const ofSystem = matchMedia('(prefers-color-scheme: dark)');
  ofSystem.addEventListener('change', onChange);
  const ofPage = new MutationObserver(onChange);
  ofPage.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'class'] });
  return () => {
    ofSystem.removeEventListener('change', onChange);
    ofPage.disconnect();
  };
}
