/**
 * The report of one or more runs as a page that needs nothing but itself: no script, no font, no request. It shows what
 * metrics.jsonl and config.json hold, and with several runs what sets them apart.
 */
import { formatCount, formatWhole } from '../quantities.ts';
import { formatDuration } from '../train/duration.ts';
import { histogramGrid } from './histograms.ts';
import { lineChart, type Series } from './line-chart.ts';
import { escapeMarkup, table } from './markup.ts';
import type { RunRecord } from './run-metrics.ts';
import { PAGE_STYLE, RUN_COLOURS } from './style.ts';
import { compare, layerFlips, namesOf, smoothed, summarise } from './summary.ts';

/** Of what a run does not have. */
const NONE = '–';
/** Of a shorter run the second half is no chart of its own. */
const LEAST_STEPS_HALVED = 100;

/** The whole page. */
export function reportPage(runs: readonly RunRecord[]): string {
  const names = namesOf(runs);
  const title = `Training report: ${[...new Set(runs.map(({ label }) => label))].join(', ')}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escapeMarkup(title)}</h1>`,
    summaryTable(runs, names),
    comparison(runs, names),
    notes(runs),
    '<h2>Loss</h2>',
    '<div class="charts">',
    lossChart(runs, names),
    evaluationChart(runs, names),
    '</div>',
    '<h2>Training</h2>',
    '<div class="charts">',
    ...stepCharts(runs, names),
    '</div>',
    ...runs.map((run, i) => weightsSection(run, names[i]!, colourOf(i))),
    '<h2>Recipes</h2>',
    ...runs.map(
      ({ config }, i) =>
        `<details><summary>${escapeMarkup(names[i]!)}</summary><pre>${escapeMarkup(JSON.stringify(config, undefined, 2))}</pre></details>`,
    ),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function colourOf(run: number): string {
  return RUN_COLOURS[run % RUN_COLOURS.length]!;
}

function summaryTable(runs: readonly RunRecord[], names: readonly string[]): string {
  const summaries = runs.map(summarise);
  const row = (label: string, cell: (i: number) => string) => [label, ...runs.map((_, i) => cell(i))];
  return table(
    ['', ...names],
    [
      row('weights in the forward pass', (i) => (runs[i]!.precision === 'f32' ? 'f32' : 'ternary')),
      row('steps', (i) => formatWhole(summaries[i]!.steps)),
      row('tokens trained on', (i) => formatWhole(summaries[i]!.tokens)),
      row('training loss at the end', (i) => nats(summaries[i]!.trainingLoss)),
      row('validation loss at the end', (i) => nats(summaries[i]!.validationLoss)),
      row('validation perplexity', (i) => perplexity(summaries[i]!.validationLoss)),
      row('lowest validation loss', (i) => {
        const best = summaries[i]!.best;
        return best === undefined ? NONE : `${nats(best.loss)} at step ${formatWhole(best.step)}`;
      }),
      row('share of zeros', (i) => percent(summaries[i]!.zeroShare)),
      row('speed', (i) => {
        const { tokensPerSecond, gigaflops } = summaries[i]!;
        return `${formatCount(Math.round(tokensPerSecond))} tok/s, ${gigaflops.toFixed(1)} GFLOP/s`;
      }),
      row('time', (i) => formatDuration(summaries[i]!.seconds)),
    ],
  );
}

/** What one bit costs: each later run against the first. */
function comparison(runs: readonly RunRecord[], names: readonly string[]): string {
  return runs
    .slice(1)
    .map((run, i) => {
      const { difference, kind, caveats } = compare(runs[0]!, run);
      if (difference === undefined) return '';
      const [first, second] = [escapeMarkup(names[0]!), escapeMarkup(names[i + 1]!)];
      const sentence =
        `<strong>${second}</strong> ends at a ${kind} loss <strong>${Math.abs(difference).toFixed(4)} nats</strong> a token ` +
        `${difference >= 0 ? 'above' : 'below'} <strong>${first}</strong> ` +
        `(perplexity times ${Math.exp(difference).toFixed(3)}).`;
      const but = caveats.length === 0 ? '' : ` Not the same in both: ${escapeMarkup(caveats.join(', '))}.`;
      return `<p class="compare">${sentence}${but}</p>`;
    })
    .join('\n');
}

function notes(runs: readonly RunRecord[]): string {
  const all = runs.flatMap((run) => run.notes);
  return all.map((note) => `<p class="warning">${escapeMarkup(note)}</p>`).join('\n');
}

function lossChart(runs: readonly RunRecord[], names: readonly string[]): string {
  const series = runs.flatMap((run, i): Series[] => {
    const points = run.steps.map(({ step, loss }) => [step, loss] as const);
    const colour = colourOf(i);
    return [
      { label: `${names[i]}, each step`, colour, points, look: 'faint' },
      { label: `${names[i]}, smoothed`, colour, points: smoothed(points) },
    ];
  });
  const chart = { title: 'Training loss', unit: 'nats a token', series };
  // Beside the fall of the first steps nothing else can be told apart.
  const lastStep = Math.max(0, ...runs.map(({ steps }) => steps.at(-1)?.step ?? 0));
  const late = { ...chart, title: 'Training loss, second half', firstStep: Math.floor(lastStep / 2) };
  return [lineChart(chart), lastStep < LEAST_STEPS_HALVED ? '' : lineChart(late)].join('\n');
}

function evaluationChart(runs: readonly RunRecord[], names: readonly string[]): string {
  const series = runs.map((run, i): Series => {
    const points = run.evaluations.map(({ step, loss }) => [step, loss] as const);
    return { label: names[i]!, colour: colourOf(i), points, look: 'dots' };
  });
  return lineChart({ title: 'Validation loss', unit: 'nats a token', series });
}

function stepCharts(runs: readonly RunRecord[], names: readonly string[]): string[] {
  const chart = (
    title: string,
    unit: string,
    value: (step: RunRecord['steps'][number]) => number | null,
    options: { fromZero?: boolean; smooth?: boolean; note?: string } = {},
  ) => {
    const series = runs.map((run, i): Series => {
      const points = run.steps.flatMap((step) => {
        const y = value(step);
        return y === null ? [] : [[step.step, y] as const];
      });
      return {
        label: names[i]!,
        colour: colourOf(i),
        points: options.smooth === true ? smoothed(points) : points,
      };
    });
    const { fromZero = true, note } = options;
    return lineChart({ title, unit, series, fromZero, ...(note === undefined ? {} : { note }) });
  };
  return [
    chart('Learning rate', '', ({ learningRate }) => learningRate),
    chart('Weight decay', '', ({ weightDecay }) => weightDecay),
    chart('Speed', 'tokens a second', ({ tokensPerSecond }) => tokensPerSecond, { smooth: true }),
    chart('Norm of the gradients', 'before clipping', ({ gradientNorm }) => gradientNorm, { smooth: true }),
    chart(
      'Zeros',
      '% of the ternary weights',
      ({ zeroShare }) => (zeroShare === null ? null : 100 * zeroShare),
      {
        fromZero: false,
      },
    ),
    chart('Flips', 'weights a step', ({ flips }) => flips, {
      smooth: true,
      note: 'Ternary weights whose value changed in a step.',
    }),
  ];
}

function weightsSection(run: RunRecord, name: string, colour: string): string {
  const [first, last] = [run.weights[0], run.weights.at(-1)];
  if (first === undefined || last === undefined) return '';
  const flips = layerFlips(run);
  const series = flips.map(({ layer, points }, i): Series => {
    const share = flips.length === 1 ? 50 : Math.round(25 + (70 * i) / (flips.length - 1));
    return {
      label: `layer ${layer}`,
      colour: `color-mix(in oklab, ${colour} ${share}%, var(--text))`,
      points,
    };
  });
  const then = first === last ? '' : `, as a line at step ${formatWhole(first.step)}`;
  const marks = run.precision === 'f32' ? '' : ' What lies between the two marks is a zero.';
  return [
    `<h2>Weights of ${escapeMarkup(name)}</h2>`,
    `<p>Each matrix in units of its mean magnitude, from -4 to 4: as bars at step ${formatWhole(last.step)}${then}.${marks}</p>`,
    histogramGrid(first, last, colour),
    '<div class="charts">',
    lineChart({
      title: 'Flips by layer',
      unit: 'weights a step',
      series,
      fromZero: true,
      note: 'Ternary weights of a layer that changed, a step, since the evaluation before.',
    }),
    '</div>',
  ].join('\n');
}

function nats(value: number | undefined): string {
  return value === undefined ? NONE : `${value.toFixed(4)} nats`;
}

function perplexity(loss: number | undefined): string {
  return loss === undefined ? NONE : Math.exp(loss).toPrecision(5);
}

function percent(share: number | null): string {
  return share === null ? NONE : `${(100 * share).toFixed(1)} %`;
}
