/** What `bitnet mcp` answers when something is wrong: one sentence that a model can act upon, and it goes on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TINY_TALES } from '../e2e/run-process.js';
import { type Connected, call, connect } from './mcp-client.js';

let connected: Connected;
before(async () => {
  connected = await connect(['tales', '--context', '64']);
});
after(() => connected.close());

/** Wrong arguments, and the sentence that says so. */
const WRONG: readonly (readonly [tool: string, args: Record<string, unknown>, sentence: string])[] = [
  ['generate', {}, 'prompt is missing, and must be a string'],
  ['generate', { prompt: 5 }, 'prompt is 5, and must be a string'],
  ['generate', { prompt: 'a', max_tokens: 0 }, 'max_tokens is 0, and must be at least 1'],
  ['generate', { prompt: 'a', max_tokens: 1.5 }, 'max_tokens is 1.5, and must be a whole number'],
  ['generate', { prompt: 'a', temperature: 2.1 }, 'temperature is 2.1, and may be at most 2'],
  ['generate', { prompt: 'a', top_p: -0.1 }, 'top_p is -0.1, and must be at least 0'],
  ['generate', { prompt: 'a', seed: 'x' }, 'seed is "x", and must be a number'],
  ['generate', { prompt: 'a', stop: [''] }, 'stop[0] has 0 characters, and must have at least 1'],
  ['generate', { prompt: 'a', stop: Array(17).fill('b') }, 'stop has 17 entries, and may have at most 16'],
  ['generate', { prompt: 'a', temp: 1 }, 'temp is not a parameter that this server knows; leave it out'],
  ['chat', { messages: [] }, 'messages has 0 entries, and must have at least 1'],
  ['chat', { messages: 'hello' }, 'messages is "hello", and must be a list'],
  [
    'chat',
    { messages: [{ role: 'tool', content: '' }] },
    'messages[0].role is "tool", and must be "system" or "user" or "assistant"',
  ],
  ['chat', { messages: [{ role: 'user' }] }, 'messages[0].content is missing, and must be a string'],
  ['tokenize', { text: 'a', add_bos: 'yes' }, 'add_bos is "yes", and must be true or false'],
  ['tokenize', { text: 'a'.repeat(50_001) }, 'text has 50001 characters, and may have at most 50000'],
  ['detokenize', { ids: [] }, 'ids has 0 entries, and must have at least 1'],
  ['detokenize', { ids: [1, -1] }, 'ids[1] is -1, and must be at least 0'],
  [
    'detokenize',
    { ids: [5000] },
    'token 5000 is not in the vocabulary of 1024 tokens; pass ids of this model only',
  ],
  ['score', { text: '' }, 'text has 0 characters, and must have at least 1'],
  ['model_information', { verbose: true }, 'verbose is not a parameter that this server knows; leave it out'],
];

for (const [tool, args, sentence] of WRONG) {
  test(`${tool}: ${sentence}`, async () => {
    const { isError, text } = await call(connected.client, tool, args);
    assert.equal(text, sentence);
    assert.equal(isError, true);
  });
}

test('a text that does not fit is refused with both numbers', async () => {
  const prompt = 'a dog '.repeat(200);
  const { structured } = await call(connected.client, 'tokenize', { text: prompt, add_bos: true });
  for (const [tool, args] of [
    ['generate', { prompt }],
    ['score', { text: prompt }],
  ] as const) {
    const { isError, text } = await call(connected.client, tool, args);
    assert.ok(isError);
    const numbers = `the text has ${structured.count} tokens, and the context of this model holds 64; `;
    assert.ok(text.startsWith(numbers), text);
  }
});

test('the longest text is refused like any other', async () => {
  const { isError, text } = await call(connected.client, 'generate', { prompt: '世界'.repeat(500_000) });
  assert.ok(isError);
  assert.match(text, /^the text has \d{6,} tokens, and the context of this model holds 64; /);
  const longer = await call(connected.client, 'generate', { prompt: 'a'.repeat(1_000_001) });
  assert.equal(longer.text, 'prompt has 1000001 characters, and may have at most 1000000');
});

test('an unknown tool is an error of the protocol', async () => {
  await assert.rejects(call(connected.client, 'think', {}), { code: -32_602 });
  assert.equal((await call(connected.client, 'tokenize', { text: 'a' })).isError, false);
});

test('a base model cannot chat, and says what to do instead', async (t) => {
  const base = await connect([TINY_TALES]);
  t.after(() => base.close());
  const { isError, text } = await call(base.client, 'chat', { messages: [{ role: 'user', content: 'Hi' }] });
  assert.ok(isError);
  assert.match(text, /^this model has no chat template: .*use generate instead/);
  const { structured } = await call(base.client, 'model_information', {});
  assert.equal(structured.chat_template, false);
  assert.equal(structured.model, 'tiny-tales.i2_s');
});

test('a model that cannot be loaded is told of by every tool', async (t) => {
  const broken = await connect(['does-not-exist.gguf']);
  t.after(() => broken.close());
  assert.equal((await broken.client.listTools()).tools.length, 6);
  for (const [tool, args] of [
    ['generate', { prompt: 'a' }],
    ['model_information', {}],
  ] as const) {
    const { isError, text } = await call(broken.client, tool, args);
    assert.ok(isError);
    assert.match(text, /^bitnet mcp could not load its model: .*does-not-exist\.gguf: there is no such file/);
  }
  assert.match(broken.log(), /^bitnet: .*does-not-exist\.gguf: there is no such file[^\n]*\n$/);
});
