import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StageProgress } from './progress.ts';

const LABELS = { checking: 'looking at the text', merges: 'training the tokenizer' };

function shown(isTTY: boolean, milliseconds: number): string {
  let [text, now] = ['', 0];
  const stream = {
    isTTY,
    columns: 80,
    write(part: string): boolean {
      text += part;
      return true;
    },
  };
  const view = new StageProgress(LABELS, stream, () => now);
  for (const stage of ['checking', 'merges'] as const) {
    for (let share = 0; share <= 1; share += 0.25) {
      view.update(stage, share);
      now += milliseconds;
    }
  }
  view.finish();
  return text;
}

test('long work is a line for each stage in a log, and bars on a terminal that vanish', () => {
  assert.equal(shown(false, 600), 'bitnet: looking at the text\nbitnet: training the tokenizer\n');
  const bars = shown(true, 600);
  assert.match(bars, /training the tokenizer █{12}░{12} 50 %/);
  assert.ok(bars.endsWith('\r\x1b[2K'), bars);
});

test('short work leaves no trace', () => {
  assert.equal(shown(false, 10), '');
  assert.equal(shown(true, 10), '');
});
