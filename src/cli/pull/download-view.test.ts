import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PullProgress } from '../../hub/hub.ts';
import { DownloadView } from './download-view.ts';

const TOTAL = 1e9;

interface Scene {
  readonly written: () => string;
  show(seconds: number, doneBytes: number, phase?: PullProgress['phase']): void;
  finish(): void;
}

function scene(isTTY: boolean, columns = 120): Scene {
  let [text, now] = ['', 0];
  const stream = {
    isTTY,
    columns,
    write(part: string): boolean {
      text += part;
      return true;
    },
  };
  const view = new DownloadView('a/model', stream, () => now);
  return {
    written: () => text,
    show(seconds, doneBytes, phase = 'downloading') {
      now = 1000 * seconds;
      view.update({ doneBytes, totalBytes: TOTAL, file: 'model.gguf', phase });
    },
    finish: () => view.finish(),
  };
}

const shares = (text: string) => [...text.matchAll(/(\d+) %/g)].map(([, percent]) => Number(percent));

test('a terminal has one line with a bar, the rate of the last seconds and the time left, and loses it at the end', () => {
  const { show, finish, written } = scene(true);
  show(0, 0);
  for (let second = 1; second <= 10; second++) show(second, second * 25e6);
  assert.match(written(), /bitnet: downloading a\/model \(1\.00 GB\)\n/);
  const lines = written().split('\r\x1b[2K');
  assert.equal(
    lines.at(-1),
    '█████░░░░░░░░░░░░░░░ 25 %  250 MB of 1.00 GB, 25.0 MB/s, 30 s left  model.gguf',
  );
  finish();
  assert.ok(written().endsWith('\r\x1b[2K'));
  assert.equal(written().split('\n').length, 2, 'nothing but the first sentence stays');
});

test('what was here before is told, and does not count as fast', () => {
  const { show, written } = scene(true);
  show(0, 0, 'resuming');
  show(0.2, 600e6, 'resuming');
  show(0.4, 600e6);
  for (let second = 1; second <= 4; second++) show(second, 600e6 + second * 10e6);
  assert.match(written(), /bitnet: going on with a\/model: 600 MB of 1\.00 GB are here already\n/);
  assert.doesNotMatch(written(), /bitnet: downloading/);
  const rates = [...written().matchAll(/([\d.]+) MB\/s/g)].map(([, rate]) => Number(rate));
  assert.ok(rates.length > 0 && rates.every((rate) => rate < 20), written());
});

test('nothing runs backwards, whatever is told', () => {
  const { show, written } = scene(true);
  let seconds = 0;
  for (const share of [0, 0.1, 0.3, 0.2, 0.05, 0.4, 0.35, 1]) show(seconds++, share * TOTAL);
  const seen = shares(written());
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), 100);
});

test('a log has a line now and then, and no control sequences', () => {
  const { show, finish, written } = scene(false);
  for (let tick = 0; tick <= 600; tick++) show(tick / 2, tick * 1e6);
  finish();
  const lines = written().trimEnd().split('\n');
  assert.equal(lines[0], 'bitnet: downloading a/model (1.00 GB)');
  assert.ok(lines.length > 4 && lines.length < 16, written());
  assert.match(lines.at(-1)!, /^bitnet: \d+ MB of 1\.00 GB, [\d.]+ MB\/s, .* left$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(written(), /[\x00-\x09\x0b-\x1f]/);
});

test('waiting and verifying say so, and narrow terminals have short lines', () => {
  const { show, written } = scene(true, 40);
  show(0, 0, 'listing');
  assert.equal(written(), '', 'there is nothing to say yet');
  show(1, 0, 'waiting');
  assert.match(written(), /^bitnet: another process is downloading a\/model; waiting for it\n/);
  show(2, 500e6);
  show(3, TOTAL, 'verifying');
  const bars = written()
    .split('\r\x1b[2K')
    .filter((line) => /^[█░]/.test(line));
  assert.equal(bars.length, 3);
  assert.ok(bars.every((line) => line.length < 40));
});
