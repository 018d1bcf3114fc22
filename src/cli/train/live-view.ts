/**
 * What a person sees of a run under way: on a terminal a block of lines drawn in place, elsewhere a plain line now and
 * then. Both are made from the metrics that the run reports, and know nothing else of it.
 */
import type { EvaluationMetrics, Metrics, StepMetrics } from '../../train/loop/metrics.ts';
import { formatCount, formatWhole } from '../quantities.ts';
import type { Styles } from '../terminal.ts';
import { formatDuration } from './duration.ts';
import { Curve, Smoothed } from './loss-history.ts';
import { type Screen, ScreenBlock, type Segment } from './screen-block.ts';

/** Drawing more often only costs time. */
const FRAME_MS = 100;
/** Plain lines in a run, about. */
const PLAIN_LINES = 50;
const BAR_WIDTH = 24;
const LABEL_WIDTH = 12;

/** Shows the metrics of a run. */
export interface TrainView {
  show(metrics: Metrics): void;
  /** Ends it: the last state stays to be read. */
  finish(): void;
}

/** What the views say of the run as a whole. */
export interface RunFacts {
  readonly name: string;
  readonly steps: number;
  /** `ternary, native-avx512, 2 threads` */
  readonly computeLabel: string;
}

/** Mean time and loss, and what was measured last. */
class RunState {
  readonly curve: Curve = new Curve();
  readonly #loss = new Smoothed(0.95);
  readonly #stepSeconds = new Smoothed(0.9);
  step: StepMetrics | undefined;
  evaluation: EvaluationMetrics | undefined;
  savedStep: number | undefined;

  add(metrics: Metrics): void {
    if (metrics.kind === 'evaluation') this.evaluation = metrics;
    if (metrics.kind === 'checkpoint') this.savedStep = metrics.step;
    if (metrics.kind !== 'step') return;
    const { seconds, step, loss } = metrics;
    if (this.step !== undefined && step > this.step.step) {
      this.#stepSeconds.add((seconds - this.step.seconds) / (step - this.step.step));
    }
    this.step = metrics;
    this.#loss.add(loss);
    this.curve.add(loss);
  }

  get loss(): number | undefined {
    return this.#loss.value;
  }

  secondsLeft(steps: number): number | undefined {
    const perStep = this.#stepSeconds.value;
    return perStep === undefined ? undefined : perStep * (steps - this.step!.step);
  }
}

/** A block on a terminal. */
export function createScreenView(
  facts: RunFacts,
  screen: Screen,
  styles: Styles,
  now: () => number = () => performance.now(),
): TrainView {
  const block = new ScreenBlock(screen, styles);
  const state = new RunState();
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    show(metrics) {
      state.add(metrics);
      if (state.step === undefined || now() - drawnAt < FRAME_MS) return;
      drawnAt = now();
      block.draw(frame(facts, state, screen.columns ?? 80));
    },
    finish() {
      if (state.step !== undefined) block.draw(frame(facts, state, screen.columns ?? 80));
    },
  };
}

/** Plain lines for logs: the first step, about fifty in all, evaluations and checkpoints. */
export function createPlainView({ steps }: RunFacts, writeLine: (line: string) => void): TrainView {
  const state = new RunState();
  const every = plainInterval(steps);
  let unwritten = false;
  const writeStep = () => {
    writeLine(stepLine(state, steps));
    unwritten = false;
  };
  return {
    show(metrics) {
      state.add(metrics);
      if (metrics.kind === 'step') {
        unwritten = true;
        if (metrics.step % every === 0 || metrics.step === 1 || metrics.step === steps) writeStep();
      }
      if (metrics.kind === 'evaluation') {
        writeLine(`step ${metrics.step}: validation loss ${metrics.loss.toFixed(4)}`);
      }
      if (metrics.kind === 'checkpoint') writeLine(`step ${metrics.step}: saved ${metrics.file}`);
    },
    finish() {
      if (unwritten) writeStep();
    },
  };
}

/** 1, 2 or 5 times a power of ten, so that about {@link PLAIN_LINES} lines are written. */
function plainInterval(steps: number): number {
  const exact = Math.max(1, steps / PLAIN_LINES);
  const power = 10 ** Math.floor(Math.log10(exact));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= exact) ?? 10);
}

function stepLine(state: RunState, steps: number): string {
  const metrics = state.step!;
  const parts = [
    `step ${metrics.step}/${steps}`,
    `loss ${metrics.loss.toFixed(4)}`,
    `rate ${metrics.learningRate.toExponential(2)}`,
    `${formatCount(Math.round(metrics.tokensPerSecond))} tok/s`,
    `${metrics.gigaflops.toFixed(1)} GFLOP/s`,
    ...(metrics.zeroShare === null ? [] : [`zeros ${(100 * metrics.zeroShare).toFixed(1)} %`]),
    ...(metrics.flips === null ? [] : [`flips ${formatWhole(metrics.flips)}`]),
  ];
  const left = state.secondsLeft(steps);
  if (left !== undefined && metrics.step < steps) parts.push(`${formatDuration(left)} left`);
  return parts.join('  ');
}

function frame(facts: RunFacts, state: RunState, columns: number): Segment[][] {
  const metrics = state.step!;
  const share = Math.min(1, metrics.step / facts.steps);
  // Of what stands behind the labels; the last column of a terminal stays free.
  const width = columns - LABEL_WIDTH - 1;
  const barWidth = Math.max(4, Math.min(BAR_WIDTH, columns - LABEL_WIDTH - 30));
  const filled = Math.floor(share * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const left = state.secondsLeft(facts.steps);
  const loss = state.loss!.toFixed(4);
  const spark = state.curve.sparkline(Math.max(0, Math.min(40, columns - LABEL_WIDTH - loss.length - 3)));
  const validation =
    state.evaluation === undefined
      ? 'not yet'
      : `${state.evaluation.loss.toFixed(4)} at step ${formatWhole(state.evaluation.step)}`;
  const rows: [string, Segment[]][] = [
    ['step', [[bar, 'cyan'], [` ${formatWhole(metrics.step)} of ${formatWhole(facts.steps)}`]]],
    ['time', [[fitted(timeParts(metrics.seconds, left), width)]]],
    [
      'loss',
      [
        [loss, 'bold'],
        [`  ${spark}`, 'cyan'],
      ],
    ],
    ['validation', [[validation, state.evaluation === undefined ? 'dim' : 'bold']]],
    [
      'speed',
      [
        [
          fitted(
            [
              `${formatCount(Math.round(metrics.tokensPerSecond))} tok/s`,
              `${metrics.gigaflops.toFixed(1)} GFLOP/s`,
            ],
            width,
          ),
        ],
      ],
    ],
    ['rate', [[fitted(rateParts(metrics), width)]]],
    ...(metrics.zeroShare === null
      ? []
      : ([['weights', [[fitted(weightsParts(metrics), width)]]]] as [string, Segment[]][])),
    ['saved', [[state.savedStep === undefined ? 'not yet' : `step ${formatWhole(state.savedStep)}`, 'dim']]],
  ];
  return [
    [
      [facts.name, 'bold'],
      [`  ${facts.computeLabel}`, 'dim'],
    ],
    ...rows.map(([label, segments]): Segment[] => [[label.padEnd(LABEL_WIDTH), 'dim'], ...segments]),
  ];
}

/** As many parts, from the first on, as a line has room for; none is cut. */
function fitted(parts: readonly string[], width: number): string {
  const fits = (count: number) => parts.slice(0, count).join(', ').length <= width;
  const count = parts.findLastIndex((_, i) => fits(i + 1)) + 1;
  return parts.slice(0, Math.max(1, count)).join(', ');
}

function timeParts(seconds: number, left: number | undefined): string[] {
  return [formatDuration(seconds), ...(left === undefined ? [] : [`about ${formatDuration(left)} left`])];
}

function rateParts({ learningRate, weightDecay, gradientNorm }: StepMetrics): string[] {
  return [
    learningRate.toExponential(2),
    `weight decay ${weightDecay}`,
    `gradient norm ${gradientNorm.toFixed(2)}`,
  ];
}

function weightsParts({ zeroShare, flips }: StepMetrics): string[] {
  const zeros = `${(100 * (zeroShare ?? 0)).toFixed(1)} % zeros`;
  return flips === null ? [zeros] : [zeros, `${formatWhole(flips)} flipped in this step`];
}
