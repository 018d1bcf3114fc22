/**
 * `bitnet make-random`, `bitnet bench` and `bitnet perplexity` as processes: what they print, what they leave behind and
 * how they fail. Nothing here depends on how fast the machine is.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BenchReport } from '#src/cli/bench/report.js';
import { type Ended, MAIN, QUIET_BACKEND, ROOT, runNode, TINY_TALES } from './run-process.ts';

const TEXT = join(ROOT, 'test', 'golden', 'tiny-tales', 'text.txt');

const folder = mkdtempSync(join(tmpdir(), 'bitnet-bench-'));
const tiny = join(folder, 'tiny.gguf');
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command line; stdin is `input`. */
function bitnet(args: readonly string[], input = ''): Promise<Ended> {
  return runNode([MAIN, ...args], { cwd: folder, stdin: input, env: { BITNET_BACKEND: QUIET_BACKEND } });
}

before(async () => {
  const made = await bitnet(['make-random', '--shape', 'tiny', tiny]);
  assert.equal(made.stderr, '');
  assert.equal(made.status, 0);
});

async function benchReport(args: readonly string[]): Promise<BenchReport> {
  const { status, stdout, stderr } = await bitnet(['bench', ...args, '--json']);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return JSON.parse(stdout) as BenchReport;
}

function checkNumbers(report: BenchReport, prompts: readonly string[]): void {
  const { samples } = report;
  assert.deepEqual(Object.keys(report.promptTokensPerSecond), prompts);
  const numbers = [
    report.threads + 1,
    report.loadSeconds,
    report.firstTokenSeconds,
    report.generatedTokensPerSecond,
    report.peakMemoryBytes,
    report.contextLength,
    report.bytesPerToken,
    report.multiplyAddsPerToken,
    report.memoryBandwidthBytesPerSecond,
    report.percentOfLimit,
    ...Object.values(report.promptTokensPerSecond),
    ...Object.values(samples.promptTokensPerSecond).flat(),
    ...samples.generatedTokensPerSecond,
    ...samples.firstTokenSeconds,
  ];
  for (const number of numbers) assert.ok(Number.isFinite(number) && number > 0, JSON.stringify(report));
  for (const rates of [...Object.values(samples.promptTokensPerSecond), samples.generatedTokensPerSecond]) {
    assert.equal(rates.length, report.runs);
  }
  assert.ok(report.peakMemoryBytes > 20_000_000, `${report.peakMemoryBytes} bytes`);
  assert.ok(report.node.startsWith('v') && report.cpu.length > 0);
}

test('bench reports a random model with the settings asked for', async () => {
  const settings = ['--threads', '2', '--backend', 'wasm-simd', '--kv-cache', 'f32'];
  const amounts = ['--prompt', '24,5', '--generate', '6', '--runs', '2'];
  const report = await benchReport([tiny, ...settings, ...amounts]);
  checkNumbers(report, ['5', '24']);
  assert.equal(report.model, tiny);
  assert.equal(report.fileBytes, statSync(tiny).size);
  assert.equal(report.backend, 'wasm-simd');
  assert.equal(report.threads, 2);
  assert.equal(report.kvCache, 'f32');
  assert.equal(report.headPrecision, 'exact');
  assert.equal(report.contextLength, 24);
  assert.equal(report.runs, 2);
  assert.equal(report.generatedTokens, 6);
});

test('bench without a model measures that of BITNET_MODEL, with what fits in its context', async () => {
  const report = await benchReport(['--runs', '1', '--threads', '1', '--head', 'int8']);
  checkNumbers(report, ['128']);
  assert.equal(report.model, TINY_TALES);
  assert.equal(report.contextLength, 128);
  assert.equal(report.headPrecision, 'int8');
});

test('bench prints a table for people, without colour codes when piped', async () => {
  const { status, stdout } = await bitnet([
    'bench',
    tiny,
    '--prompt',
    '16',
    '--generate',
    '4',
    '--runs',
    '2',
    '--breakdown',
  ]);
  assert.equal(status, 0);
  for (const row of ['model', 'backend', 'load', 'first token', 'prompt 16', 'generate 4', 'peak memory']) {
    assert.match(stdout, new RegExp(`^${row},? +\\S`, 'm'));
  }
  assert.match(stdout, /^time +prefill, \d+T +decode, \d+T$/m);
  assert.match(stdout, /^ternaryMatmul +\d+\.\d % +\d+\.\d %$/m);
  assert.match(stdout, /\d % of what memory at [\d.]+ .?B\/s allows/);
  assert.ok(!stdout.includes('\x1b'));
});

test('bench measures each number of threads with each number of sequences and each context', async () => {
  const sweep = ['--threads', '1,2', '--batch', '1,3', '--context', '8,512', '--prompt', '16'];
  const amounts = ['--generate', '3', '--runs', '2', '--breakdown'];
  const report = await benchReport([tiny, ...sweep, ...amounts]);
  const generations = report.results.filter(({ kind }) => kind === 'generate');
  assert.deepEqual(
    generations.map(({ threads, batch, context }) => [threads, batch, context]),
    // The model's context of 512 leaves 509 before three tokens.
    [1, 2].flatMap((threads) =>
      [8, 509].flatMap((context) => [1, 3].map((batch) => [threads, batch, context])),
    ),
  );
  assert.equal(report.contextLength, 512);
  assert.equal(report.results.length, 2 + generations.length);
  for (const result of generations) {
    assert.ok(result.lowest <= result.tokensPerSecond && result.tokensPerSecond <= result.highest);
    const { tokensPerSecond, bytesPerToken = 0, memoryBandwidthBytesPerSecond = 0 } = result;
    const percent = (100 * tokensPerSecond * bytesPerToken) / memoryBandwidthBytesPerSecond;
    assert.ok(Math.abs(percent / (result.percentOfLimit ?? 0) - 1) < 0.01);
  }
  const bytes = generations.slice(0, 4).map(({ bytesPerToken }) => bytesPerToken ?? 0);
  assert.ok(bytes[1]! < bytes[0]! && bytes[0]! < bytes[2]!, 'sequences share weights, and contexts are read');
  assert.deepEqual(Object.keys(report.breakdown ?? {}), ['1', '2']);
  for (const { prefill, decode } of Object.values(report.breakdown ?? {})) {
    for (const { percent } of [prefill, decode]) {
      const sum = Object.values(percent).reduce((total, share) => total + share, 0);
      assert.ok(sum > 99 && sum < 101, `${sum} %`);
    }
  }
});

test('bench writes Markdown and CSV', async () => {
  const amounts = ['--prompt', '4,8', '--generate', '2', '--runs', '1', '--threads', '0', '--batch', '2'];
  const markdown = await bitnet(['bench', tiny, ...amounts, '--format', 'md']);
  assert.equal(markdown.status, 0, markdown.stderr);
  const table = markdown.stdout.split('\n').filter((line) => line.startsWith('|'));
  assert.equal(table.length, 2 + 3);
  assert.ok(table.every((line) => line.split('|').length === table[0]!.split('|').length));
  assert.match(markdown.stdout, /^Machine: .+ cores, .+ Node v/m);
  const csv = await bitnet(['bench', tiny, ...amounts, '--format', 'csv']);
  const rows = csv.stdout.trimEnd().split('\n');
  assert.match(rows[0]!, /^kind,threads,tokens,batch,context,tokensPerSecond,/);
  assert.deepEqual(
    rows.slice(1).map((row) => row.split(',').slice(0, 5).join(' ')),
    ['prompt 1 4 1 0', 'prompt 1 8 1 0', 'generate 1 2 2 16'],
  );
});

test('bench says what does not fit', async () => {
  const long = await bitnet(['bench', tiny, '--prompt', '600']);
  assert.equal(long.status, 1);
  assert.match(
    long.stderr,
    /^bitnet: the measurement needs a context of 600 tokens, and the model's is 512; /,
  );
  const many = await bitnet(['bench', tiny, '--batch', '1,1000']);
  assert.equal(many.status, 2);
  assert.match(many.stderr, /--batch is "1,1000", and must be numbers of sequences from 1 to/);
});

test('make-random gives the same bytes again, and replaces a file only when told to', async () => {
  const again = join(folder, 'again.gguf');
  assert.equal((await bitnet(['make-random', '--shape', 'tiny', again])).status, 0);
  assert.deepEqual(readFileSync(again), readFileSync(tiny));

  const refused = await bitnet(['make-random', '--shape', 'tiny', '--seed', '2', again]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /exists already/);
  assert.deepEqual(readFileSync(again), readFileSync(tiny));

  const forced = ['make-random', '--shape', 'tiny', '--seed', '2', '--type', 'tq1_0', '--embedding', 'q8_0'];
  assert.equal((await bitnet([...forced, '--force', again])).status, 0);
  assert.notDeepEqual(readFileSync(again), readFileSync(tiny));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('part')),
    [],
  );
});

test('make-random refuses what it cannot make in one sentence', async () => {
  const lines: [args: string[], status: number, message: RegExp][] = [
    [['x.gguf'], 2, /--shape is missing; choose one of 2b4t, /],
    [['--shape', 'tiny'], 2, /OUT\.gguf is missing/],
    [['--shape', 'tinny', 'x.gguf'], 2, /did you mean tiny\?/],
    [
      ['--shape', 'falcon3-1b', '--architecture', 'bitnet', 'x.gguf'],
      1,
      /is of the family llama, and cannot/,
    ],
    [['--shape', 'tiny', '--layers', '0', 'x.gguf'], 2, /--layers is 0/],
    [['--shape', 'tiny', 'a.gguf', 'b.gguf'], 2, /one word too many/],
    [['--shape', 'tiny', join('no', 'folder.gguf')], 1, /cannot be written: its folder does not exist/],
  ];
  for (const [args, status, message] of lines) {
    const outcome = await bitnet(['make-random', ...args]);
    assert.equal(outcome.status, status, outcome.stderr);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stderr.trimEnd().split('\n').length, 1);
  }
});

test('perplexity reads a file or stdin, and reports the method with the result', async () => {
  const fromFile = await bitnet(['perplexity', TEXT, '--window', '64', '--limit', '300', '--json']);
  assert.equal(fromFile.status, 0, fromFile.stderr);
  const report = JSON.parse(fromFile.stdout) as Record<string, unknown>;
  assert.equal(report.tokens, 300);
  assert.equal(report.window, 64);
  assert.equal(report.stride, 64);
  assert.equal(report.model, TINY_TALES);
  assert.ok((report.perplexity as number) > 10 && (report.perplexity as number) < 200);
  const options = ['--window', '64', '--limit', '300'];
  const fromInput = await bitnet(['perplexity', '-', ...options, '--json'], readFileSync(TEXT, 'utf8'));
  assert.equal((JSON.parse(fromInput.stdout) as Record<string, unknown>).perplexity, report.perplexity);
  const forPeople = await bitnet(['perplexity', TEXT, ...options]);
  assert.match(forPeople.stdout, /^perplexity +\d+\.\d+$/m);
  assert.match(forPeople.stdout, /^scored +300 tokens/m);
});

test('perplexity says what it cannot score', async () => {
  const binary = join(folder, 'binary');
  writeFileSync(binary, new Uint8Array([0x66, 0xff, 0xfe]));
  const lines: [args: string[], message: RegExp][] = [
    [[join(folder, 'missing.txt')], /cannot be read/],
    [[binary], /is not text in UTF-8/],
    [['-'], /has 0 tokens/],
    [[TEXT, '--window', '128'], /window is 128, and must be a whole number from 1 to 127/],
  ];
  for (const [args, message] of lines) {
    const outcome = await bitnet(['perplexity', ...args]);
    assert.equal(outcome.status, 1, outcome.stderr);
    assert.match(outcome.stderr, message);
  }
});
