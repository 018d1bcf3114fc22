/** Calls of `bitnet mcp` while they run: progress, taking them back, and several at once. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from '@modelcontextprotocol/client';
import { MAIN, runNode } from '../e2e/run-process.js';
import { type Connected, call, connect, MODERN } from './mcp-client.js';

/** Goes on to the end of the context with this seed, and slowly so on the reference kernels. */
const LONG = { prompt: 'hello', max_tokens: 500, temperature: 2, top_k: 0, top_p: 1, min_p: 0, seed: 10 };

let folder: string;
let connected: Connected;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bitnet-mcp-'));
  const model = join(folder, 'tiny.gguf');
  const made = await runNode([MAIN, 'make-random', '--shape', 'tiny', model]);
  assert.equal(made.status, 0, made.stderr);
  connected = await connect(slowly(folder));
});
after(async () => {
  await connected.close();
  await rm(folder, { recursive: true });
});

/** The arguments of a server that computes slowly. */
function slowly(models: string): string[] {
  return [join(models, 'tiny.gguf'), '--backend', 'reference', '--threads', '0'];
}

interface Activity {
  readonly running: number;
  readonly waiting: number;
  readonly generated_tokens: number;
  readonly cancelled: number;
}

async function activity(client: Client = connected.client): Promise<Activity> {
  return (await call(client, 'model_information', {})).structured.activity as Activity;
}

test('progress grows to at most the total, and shows the text', async () => {
  const told: { progress: number; total?: number; message?: string }[] = [];
  const args = { ...LONG, max_tokens: 120 };
  const { text, structured } = await call(connected.client, 'generate', args, {
    onprogress: (progress) => told.push(progress),
  });
  assert.equal(structured.generated_tokens, 120);
  assert.deepEqual(told[0], { progress: 0, total: 120 });
  assert.equal(told[1]?.progress, 1);
  for (const [i, { progress, total, message = '' }] of told.entries()) {
    assert.equal(total, 120);
    assert.ok(progress <= 120 && (i === 0 || progress > told[i - 1]!.progress));
    assert.ok(text.includes(message), message);
  }
});

test('a call that is taken back ends at once, and nothing more is computed for it', async () => {
  await takeBack(connected);
});

test('so it does in the protocol of 2026-07-28', async (t) => {
  const modern = await connect(slowly(folder), MODERN);
  t.after(() => modern.close());
  await takeBack(modern);
});

async function takeBack({ client }: Connected): Promise<void> {
  const before = await activity(client);
  const controller = new AbortController();
  const answer = call(client, 'generate', LONG, {
    signal: controller.signal,
    onprogress: ({ progress }) => {
      if (progress > 0) controller.abort();
    },
  });
  await assert.rejects(answer);
  // The step that was under way is its last; the next text has a step of its own.
  await call(client, 'generate', { ...LONG, max_tokens: 1 });
  const stopped = await activity(client);
  assert.equal(stopped.running, 0);
  assert.equal(stopped.waiting, 0);
  assert.equal(stopped.cancelled, before.cancelled + 1);
  assert.ok(stopped.generated_tokens < before.generated_tokens + LONG.max_tokens);
  // Another text is computed alone: its tokens are all that is added.
  await call(client, 'generate', { ...LONG, max_tokens: 20 });
  assert.equal((await activity(client)).generated_tokens, stopped.generated_tokens + 20);
}

test('scoring can be taken back too', async () => {
  const before = await activity();
  const controller = new AbortController();
  const answer = call(
    connected.client,
    'score',
    { text: 'hello '.repeat(80) },
    { signal: controller.signal },
  );
  // What was sent before it has been read when this is answered.
  await activity();
  controller.abort();
  await assert.rejects(answer);
  await call(connected.client, 'generate', { ...LONG, max_tokens: 1 });
  const stopped = await activity();
  assert.equal(stopped.running, 0);
  assert.equal(stopped.cancelled, before.cancelled + 1);
  assert.equal(stopped.generated_tokens, before.generated_tokens + 1);
});

test('calls at once are computed together: same texts as alone, and a short one need not wait for a long one', async () => {
  const short = { ...LONG, prompt: 'another', max_tokens: 5, seed: 2 };
  const alone = await call(connected.client, 'generate', short);
  const longAlone = await call(connected.client, 'generate', { ...LONG, max_tokens: 120 });
  const ended: string[] = [];
  const note = <T>(name: string, answer: Promise<T>): Promise<T> => answer.finally(() => ended.push(name));
  const [long, quick] = await Promise.all([
    note('long', call(connected.client, 'generate', { ...LONG, max_tokens: 120 })),
    note('short', call(connected.client, 'generate', short)),
  ]);
  assert.deepEqual(ended, ['short', 'long']);
  assert.equal(quick.text, alone.text);
  assert.equal(long.text, longAlone.text);
});

test('forty calls at once are all answered, with the same result', async () => {
  const args = { ...LONG, max_tokens: 4 };
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => call(connected.client, 'generate', args)),
  );
  assert.deepEqual(new Set(answers.map(({ text }) => text)).size, 1);
  assert.ok(answers.every(({ isError }) => !isError));
});
