import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { BitnetError } from '../../base/errors.ts';
import type { Metrics } from '../../train/loop/metrics.ts';
import { lineChart, thinned } from './line-chart.ts';
import { reportPage } from './page.ts';
import { parseMetrics, readRun } from './run-metrics.ts';
import { compare, smoothed, summarise } from './summary.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-report-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const NAME = 'model.layers.0.self_attn.q_proj.weight';

/** Metrics of a run of 100 steps whose validation loss ends at `loss`. */
function metricsOf(precision: string, loss: number): Metrics[] {
  const isDense = precision === 'f32';
  return Array.from({ length: 100 }, (_, i): Metrics[] => {
    const step = i + 1;
    const own: Metrics = {
      kind: 'step',
      step,
      loss: loss + 1 / step,
      learningRate: 0.001,
      weightDecay: 0.1,
      gradientNorm: 1,
      tokens: 10 * step,
      tokensPerSecond: 1000,
      gigaflops: 20,
      zeroShare: isDense ? null : 0.3,
      flips: isDense ? null : 50,
      seconds: step,
    };
    if (step % 50 !== 0) return [own];
    const matrix = {
      name: NAME,
      layer: 0,
      scale: 0.02,
      zeroShare: isDense ? null : 0.3,
      flipsPerStep: isDense ? null : 5,
      histogram: Array.from({ length: 32 }, (_, bin) => 32 - Math.abs(bin - 16)),
    };
    return [
      own,
      { kind: 'evaluation', step, loss: loss + 10 / step, targets: 100 },
      { kind: 'weights', step, matrices: [matrix] },
      { kind: 'checkpoint', step, file: 'checkpoints/x' },
    ];
  }).flat();
}

function makeRun(name: string, precision: string, loss: number, more = ''): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.json'), JSON.stringify({ name: 'tales <b>', precision, steps: 100 }));
  const lines = metricsOf(precision, loss).map((metrics) => `${JSON.stringify(metrics)}\n`);
  writeFileSync(join(path, 'metrics.jsonl'), lines.join('') + more);
  return path;
}

test('a page holds all charts, needs nothing else, and says how two runs differ', async () => {
  const runs = await Promise.all(
    [makeRun('dense', 'f32', 1), makeRun('ternary', 'ternary', 1.1)].map(readRun),
  );
  const page = reportPage(runs);
  for (const title of [
    'Training loss',
    'Training loss, second half',
    'Validation loss',
    'Learning rate',
    'Speed',
    'Zeros',
    'Flips',
    'Flips by layer',
    'Weights of tales &lt;b&gt; \\(ternary\\)',
    'q_proj',
  ]) {
    assert.match(page, new RegExp(title));
  }
  assert.match(page, /ends at a validation loss <strong>0\.1000 nats<\/strong> a token above/);
  assert.doesNotMatch(page, /<script|src=|href=|url\(|@import|tales <b>/);
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
});

test('a run under way without an evaluation has a page', async () => {
  const path = makeRun('young', 'ternary', 1);
  const [first] = metricsOf('ternary', 1);
  writeFileSync(join(path, 'metrics.jsonl'), `${JSON.stringify(first)}\n`);
  const page = reportPage([await readRun(path)]);
  assert.match(page, /validation loss at the end<\/th><td>–/);
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
});

test('damaged lines are named by number and left out', async () => {
  const run = await readRun(
    makeRun('torn', 'ternary', 1, '{"kind":"step","step":1\n\n{"kind":"pest"}\n{"kind":"st'),
  );
  assert.equal(run.steps.length, 100);
  assert.match(run.notes.join(), /: damaged in metrics\.jsonl and left out: lines 107, 109, 110$/);
  assert.match(reportPage([run]), /lines 107, 109, 110/);
  const hostile = [
    'null',
    '[]',
    '3',
    '{"kind":"constructor","step":1}',
    '{"kind":"weights","step":1,"matrices":[1]}',
  ];
  assert.deepEqual(parseMetrics(hostile.join('\n')), { metrics: [], damaged: [1, 2, 3, 4, 5] });
});

test('what is no run is one sentence', async () => {
  const code = (expected: string) => (error: BitnetError) => error.code === expected;
  await assert.rejects(readRun(folder), code('train/no-run'));
  const empty = makeRun('empty', 'ternary', 1);
  writeFileSync(join(empty, 'metrics.jsonl'), '');
  await assert.rejects(readRun(empty), code('train/no-run'));
  const torn = makeRun('no-config', 'ternary', 1);
  writeFileSync(join(torn, 'config.json'), '{');
  await assert.rejects(readRun(torn), code('train/bad-config'));
});

test('figures: the end of a run, and its difference to another', async () => {
  const [dense, ternary] = await Promise.all(['dense', 'ternary'].map((name) => readRun(join(folder, name))));
  const summary = summarise(ternary!);
  assert.equal(summary.steps, 100);
  assert.ok(Math.abs(summary.validationLoss! - 1.2) < 1e-12);
  assert.equal(summary.best!.step, 100);
  const { difference, caveats } = compare(dense!, ternary!);
  assert.ok(Math.abs(difference! - 0.1) < 1e-12);
  assert.deepEqual(caveats, []);
  const longer = { ...ternary!, config: { ...ternary!.config, seed: 2 } };
  assert.deepEqual(compare(dense!, longer).caveats, ['seed']);
});

test('long series are thinned to their means, constant ones smoothed to themselves', () => {
  const points = Array.from({ length: 10_000 }, (_, i) => [i, 2] as const);
  assert.equal(thinned(points).length, 500);
  assert.ok(thinned(points).every(([, y]) => y === 2));
  assert.ok(smoothed(points).every(([, y]) => Math.abs(y - 2) < 1e-9));
});

test('a chart from a step on leaves out what is before, also in its range', () => {
  const points = [
    [1, 1000],
    [60, 2],
    [100, 1],
  ] as const;
  const chart = lineChart({
    title: 't',
    unit: 'y',
    firstStep: 50,
    series: [{ label: 'a', colour: 'red', points, look: 'dots' }],
  });
  assert.doesNotMatch(chart, /1000|1k/);
  assert.equal(chart.match(/<circle/g)?.length, 2);
  const late = lineChart({
    title: 't',
    unit: 'y',
    firstStep: 101,
    series: [{ label: 'a', colour: 'red', points }],
  });
  assert.equal(late, '');
});

test('a chart of one point, of equal values and of none', () => {
  const chart = (points: [number, number][]) =>
    lineChart({ title: 't', unit: 'y', series: [{ label: 'a', colour: 'red', points }] });
  assert.equal(chart([]), '');
  assert.equal(chart([[1, Number.NaN]]), '');
  assert.match(chart([[5, 0]]), /<circle/);
  assert.doesNotMatch(
    chart([
      [1, 3],
      [2, 3],
    ]),
    /NaN|Infinity/,
  );
});
