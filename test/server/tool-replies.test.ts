/** Replies with tools: calls that are complete have valid arguments; words, stop strings and scores around them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { TokenConstraint } from '#src/engine/generation/constraint.js';
import { type ReplyEvent, type ReplyRequest, startReply } from '#src/server/reply/reply.js';
import { type ConstrainedModel, constrainedModel, requestOf } from './constrained-model.js';

const WEATHER = {
  name: 'weather',
  parameters: {
    type: 'object',
    properties: {
      city: { type: 'string', maxLength: 10 },
      days: { type: 'integer', minimum: 1, maximum: 7 },
    },
    required: ['city'],
    additionalProperties: false,
  },
};
const CLOCK = { name: 'clock' };

let model: ConstrainedModel;
before(async () => {
  model = await constrainedModel();
});
after(() => model.close());

/** Everything of a reply. */
async function all(more: Partial<ReplyRequest>) {
  const reply = await startReply(
    model.served,
    requestOf({ tools: [WEATHER, CLOCK], maxTokens: 1000, ...more }),
  );
  const events: ReplyEvent[] = [];
  for await (const event of reply) events.push(event);
  const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('');
  const calls = events
    .filter((event) => event.kind === 'tool-call')
    .map(({ index, name }) => ({
      name,
      arguments: events
        .map((event) => (event.kind === 'tool-arguments' && event.index === index ? event.text : ''))
        .join(''),
    }));
  return { reply, events, text, calls };
}

test('a required call comes at once, with valid arguments', async () => {
  const isValid = new Ajv2020().compile(WEATHER.parameters);
  const names = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed };
    const { reply, text, calls } = await all({ toolChoice: 'required', parallelToolCalls: false, sampling });
    assert.deepEqual([reply.end, text, calls.length], ['tool-calls', '', 1]);
    names.add(calls[0]!.name);
    const value: unknown = JSON.parse(calls[0]!.arguments);
    if (calls[0]!.name === 'weather') assert.ok(isValid(value), calls[0]!.arguments);
    else assert.deepEqual(value, {});
  }
  assert.deepEqual([...names].sort(), ['clock', 'weather']);
});

test('a named tool is the one that is called', async () => {
  const { calls } = await all({ toolChoice: { name: 'clock' }, parallelToolCalls: false });
  assert.deepEqual(
    calls.map(({ name }) => name),
    ['clock'],
  );
});

test('stop strings end words, not calls', async () => {
  const stop = ['"', 'arguments', '</tool_call>', '\n'];
  const called = await all({ toolChoice: 'required', parallelToolCalls: false, stop });
  assert.equal(called.reply.end, 'tool-calls');
  const { tokenizer } = model.served.model;
  const logitBias = { [tokenizer.encode('#', { addBos: false })[0]!]: 5 };
  const worded = await all({ stop: ['#'], sampling: { temperature: 1, seed: 3, logitBias } });
  assert.deepEqual([worded.reply.end, worded.reply.stopString], ['stop-string', '#']);
  assert.equal(worded.reply.progress.end, 'stop');
  assert.ok(!worded.text.includes('#'));
});

test('scores belong to words', async () => {
  const { events, reply } = await all({ logprobs: 2, maxTokens: 30 });
  const scores = events.flatMap((event) => (event.kind === 'text' ? (event.scores ?? []) : []));
  assert.equal(scores.length, reply.progress.generatedTokens);
  assert.equal(scores[0]!.top.length, 2);
  const called = await all({ logprobs: 2, toolChoice: 'required', parallelToolCalls: false });
  assert.ok(called.events.every((event) => event.kind !== 'text' || event.scores === undefined));
});

test('a schema and tools: one or the other', async () => {
  const schema = { enum: ['yes', 'no'] };
  const { text, calls } = await all({ format: { kind: 'schema', schema } });
  assert.ok(calls.length > 0 || ['"yes"', '"no"'].includes(text));
});

test('what is wrong is thrown before the reply begins', async () => {
  await assert.rejects(all({ tools: [{ name: 'a b' }] }), { code: 'option/tools' });
  await assert.rejects(all({ format: { kind: 'schema', schema: { not: {} } }, tools: [] }), {
    code: 'schema/unsupported',
  });
});

test('constraints are disposed of at the end, when left, when cancelled, and when nothing begins', async () => {
  let open = 0;
  const { constraints } = model.served;
  const counting = {
    ...model.served,
    constraints: {
      dispose: () => {},
      async compile(
        request: Parameters<typeof constraints.compile>[0],
      ): Promise<TokenConstraint | undefined> {
        const inner = (await constraints.compile(request))!;
        let isOpen = true;
        open++;
        return {
          mask: () => inner.mask(),
          accept: (id) => inner.accept(id),
          dispose() {
            if (isOpen) open--;
            isOpen = false;
            inner.dispose();
          },
        };
      },
    },
  };
  const request = requestOf({ format: { kind: 'json' }, maxTokens: 20 });
  for await (const _ of await startReply(counting, request));
  assert.equal(open, 0);
  for await (const _ of await startReply(counting, request)) break;
  assert.equal(open, 0);
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of await startReply(counting, { ...request, signal: controller.signal }))
      controller.abort();
  });
  assert.equal(open, 0);
  await assert.rejects(startReply(counting, { ...request, sampling: { topK: -1 } }));
  await assert.rejects(startReply(counting, { ...request, signal: AbortSignal.abort() }));
  assert.equal(open, 0);
});
