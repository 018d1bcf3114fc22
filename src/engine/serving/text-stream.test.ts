import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { tinyTalesBytes } from '../../model/loading/rewritten-model.test.ts';
import { loadModel, type Model } from '../model.ts';
import { randomConstraint } from './reference-sequence.test.ts';
import { Scheduler } from './scheduler.ts';
import { streamText, type TextEvent, type TextOptions, type TextStream } from './text-stream.ts';

const PROMPT = 'Once upon a time there was';
const GREEDY = { temperature: 0, maxTokens: 30 } as const;

describe('a text stream', () => {
  let model: Model;
  let scheduler: Scheduler;
  let prompt: readonly number[];
  before(async () => {
    model = await loadModel(tinyTalesBytes(), { threads: 0 });
    scheduler = new Scheduler(model.engine);
    prompt = model.tokenize(PROMPT, { addBos: true });
  });
  after(async () => {
    await scheduler.dispose();
    await model.dispose();
  });

  const stream = (options: TextOptions): TextStream =>
    streamText(scheduler, model.tokenizer, prompt, options);

  async function read(text: TextStream): Promise<{ text: string; events: TextEvent[] }> {
    const events: TextEvent[] = [];
    for await (const event of text) events.push(event);
    return { text: events.map((event) => (event.kind === 'text' ? event.text : '')).join(''), events };
  }

  test('is the text that the model generates by itself', async () => {
    for (const options of [GREEDY, { seed: 3, temperature: 1, maxTokens: 25, stop: ['the'] }]) {
      const alone = model.generate(prompt, options);
      const text = stream(options);
      assert.equal((await read(text)).text, await alone.text());
      assert.equal(text.progress.end, alone.result?.finishReason);
      assert.equal(text.stopString, alone.result?.stopString);
    }
  });

  test('a stop string ends it with the token that completes it, however slow the reader is', async () => {
    const { text: whole, events: all } = await read(stream(GREEDY));
    const stop = whole.slice(21, 29);
    const text = stream({ ...GREEDY, stop: [stop] });
    const { cancelled } = scheduler.statistics;
    while (text.stopString === undefined) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(text.progress.end, 'stop');
    assert.equal(scheduler.statistics.running, 0);
    const { text: found, events } = await read(text);
    assert.equal(found, whole.slice(0, whole.indexOf(stop)));
    const completed = all.findIndex((_, i) => textUpTo(all, i).includes(stop));
    assert.equal(events.length, completed + 1);
    assert.equal(text.progress.generatedTokens, completed + 1);
    assert.equal(scheduler.statistics.cancelled, cancelled, 'that is no cancellation');
  });

  test('text that is held back for a stop string comes at the end', async () => {
    const { text: whole } = await read(stream(GREEDY));
    const text = stream({ ...GREEDY, stop: [`${whole.slice(-5)} and never this`] });
    assert.equal((await read(text)).text, whole);
    assert.equal(text.progress.end, 'length');
    assert.equal(text.stopString, undefined);
  });

  test('scores come with texts, of the prompt first', async () => {
    const { events } = await read(stream({ ...GREEDY, maxTokens: 2, logprobs: 2, promptLogprobs: 0 }));
    const [scores, first] = events;
    assert.ok(scores?.kind === 'prompt' && first?.kind === 'text');
    assert.equal(scores.scores.map(({ text }) => text).join(''), PROMPT);
    assert.equal(first.score?.text, first.text);
    assert.equal(first.score?.top[0]?.id, first.id);
  });

  test('what is wrong with stop strings is thrown at once, and the constraint let go of', () => {
    const constraint = randomConstraint(1, 2048);
    assert.throws(() => stream({ stop: [''], constraint }), { code: 'option/stop' });
    assert.ok(constraint.isDisposed);
  });

  test('leaving it cancels it', async () => {
    const { cancelled } = scheduler.statistics;
    const text = stream(GREEDY);
    for await (const _ of text) break;
    assert.equal(scheduler.statistics.running, 0);
    assert.equal(scheduler.statistics.cancelled, cancelled + 1);
    assert.equal(text.progress.end, undefined);
  });
});

function textUpTo(events: readonly TextEvent[], last: number): string {
  return events
    .slice(0, last + 1)
    .map((event) => (event.kind === 'text' ? event.text : ''))
    .join('');
}
