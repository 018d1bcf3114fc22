import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metrics, StepMetrics } from '../../train/loop/metrics.ts';
import { stylesOf } from '../terminal.ts';
import { createPlainView, createScreenView, type RunFacts } from './live-view.ts';
import { ScreenBlock } from './screen-block.ts';

/** A terminal of so many columns that follows what a block writes: text, line feeds, and the sequences that it uses. */
class Terminal {
  readonly isTTY = true;
  columns: number;
  readonly rows = 24;
  readonly writes: string[] = [];
  lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): boolean {
    this.writes.push(text);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is followed
    for (const [token] of text.matchAll(/\x1b\[(\d*)([A-Za-z])|[\s\S]/g)) this.#take(token);
    return true;
  }

  /** Breaks lines that are too long, as terminals do when their window becomes narrower. */
  narrow(columns: number): void {
    this.columns = columns;
    const wrapped = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row += wrapped.length - this.lines.length;
    this.lines = wrapped;
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0;
    else if (token === '\n') {
      this.#row++;
      this.#column = 0;
      this.lines[this.#row] ??= '';
    } else if (token.endsWith('A') && token.length > 2) this.#row -= Number(token.slice(2, -1));
    else if (token === '\x1b[K') this.lines[this.#row] = this.lines[this.#row]!.slice(0, this.#column);
    else if (token === '\x1b[J') {
      this.lines = this.lines.slice(0, this.#row + 1);
      this.lines[this.#row] = this.lines[this.#row]!.slice(0, this.#column);
    } else if (!token.startsWith('\x1b')) {
      assert.ok(this.#row >= 0, 'the cursor stays on the screen');
      assert.ok(this.#column < this.columns, `no line is as wide as the terminal: ${this.lines[this.#row]}`);
      const line = this.lines[this.#row]!.padEnd(this.#column);
      this.lines[this.#row] = line.slice(0, this.#column) + token + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}

const plain = stylesOf({ write: () => true });

test('a block is drawn in place, one write a frame, and goes without a trace', () => {
  const terminal = new Terminal(20);
  terminal.write('before\n');
  const block = new ScreenBlock(terminal, plain);
  block.draw([[['one']], [['two'], [' more']]]);
  assert.deepEqual(terminal.lines, ['before', 'one', 'two more', '']);
  const writes = terminal.writes.length;
  block.draw([[['ONE and on']], [['2']], [['three']]]);
  assert.equal(terminal.writes.length, writes + 1);
  assert.deepEqual(terminal.lines, ['before', 'ONE and on', '2', 'three', '']);
  block.draw([[['short']]]);
  assert.deepEqual(terminal.lines, ['before', 'short', '']);
  block.clear();
  assert.deepEqual(terminal.lines, ['before', '']);
});

test('a window that becomes narrower leaves no old lines behind', () => {
  const terminal = new Terminal(30);
  terminal.write('before\n');
  const block = new ScreenBlock(terminal, plain);
  block.draw([[['a line of twenty-five marks'.slice(0, 25)]], [['b'.repeat(25)]]]);
  terminal.narrow(10);
  block.draw([[['c'.repeat(25)]], [['d']]]);
  assert.deepEqual(terminal.lines, ['before', 'c'.repeat(9), 'd', '']);
});

const facts: RunFacts = { name: 'stories', steps: 1000, computeLabel: 'ternary, wasm-simd, 2 threads' };

function stepMetrics(step: number, more: Partial<StepMetrics> = {}): StepMetrics {
  return {
    kind: 'step',
    step,
    loss: 8 / step,
    learningRate: 0.002,
    weightDecay: 0.1,
    gradientNorm: 0.5,
    tokens: 4096 * step,
    tokensPerSecond: 12345,
    gigaflops: 23.4,
    zeroShare: 0.31,
    flips: 1234,
    seconds: 2 * step,
    ...more,
  };
}

test('the view tells all of a run, at any width', () => {
  for (const columns of [200, 80, 40, 20, 5, 1]) {
    const terminal = new Terminal(columns);
    let time = 0;
    const view = createScreenView(facts, terminal, plain, () => (time += 1000));
    for (let step = 1; step <= 100; step++) view.show(stepMetrics(step));
    view.show({ kind: 'evaluation', step: 100, loss: 1.5, targets: 10 });
    view.show({ kind: 'checkpoint', step: 100, file: 'checkpoints/step-00000100.safetensors' });
    view.finish();
    if (columns === 40)
      assert.match(terminal.lines.join('\n'), /31\.0 % zeros$/m, 'what has no room is left out');
    if (columns < 80) continue;
    const text = terminal.lines.join('\n');
    for (const part of [
      /stories {2}ternary, wasm-simd, 2 threads/,
      /100 of 1,000/,
      /3 min 20 s, about 30 min 0 s left/,
      /▁/,
      /1\.5000 at step 100/,
      /12\.3 k tok\/s, 23\.4 GFLOP\/s/,
      /31\.0 % zeros, 1,234 flipped/,
      /saved +step 100/,
    ]) {
      assert.match(text, part);
    }
  }
});

test('frames are rare, and a dense run has no zeros to tell of', () => {
  const terminal = new Terminal(80);
  let time = 0;
  const view = createScreenView(facts, terminal, plain, () => (time += 10));
  for (let step = 1; step <= 100; step++) view.show(stepMetrics(step, { zeroShare: null, flips: null }));
  assert.ok(terminal.writes.length <= 20, `${terminal.writes.length} frames in a second`);
  assert.doesNotMatch(terminal.lines.join('\n'), /zeros/);
});

test('without a terminal there are about fifty lines, and the last step is among them', () => {
  const lines: string[] = [];
  const view = createPlainView(facts, (line) => lines.push(line));
  const all: Metrics[] = Array.from({ length: 777 }, (_, i) => stepMetrics(i + 1));
  for (const metrics of all) view.show(metrics);
  view.show({ kind: 'evaluation', step: 777, loss: 1.25, targets: 10 });
  view.finish();
  assert.ok(lines.length > 30 && lines.length < 60, `${lines.length} lines`);
  assert.match(lines[0]!, /^step 1\/1000 {2}loss 8\.0000 .*zeros 31\.0 % {2}flips 1,234$/);
  assert.ok(lines.includes('step 777: validation loss 1.2500'));
  assert.match(lines.at(-1)!, /^step 777\/1000 .* 7 min 26 s left$/);
});
