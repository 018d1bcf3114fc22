/** Completions with the official client, and as evaluation harnesses read them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { failureOf, listOf, MODEL_NAME, type RunningServer, startServer } from './openai-server.js';

const PROMPT = 'Once upon a time there was a';
const SHORT = { model: MODEL_NAME, prompt: PROMPT, max_tokens: 10, seed: 3 };

/** What lm-eval's local-completions sends for a log-likelihood, but its prompts. */
const HARNESS = { model: MODEL_NAME, temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };

const JSON_TYPE = { 'content-type': 'application/json' };

describe('completions', () => {
  let server: RunningServer;
  let client: OpenAI;
  before(async () => {
    server = await startServer();
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
  });
  after(() => server.close());

  const tokensOf = (text: string) => server.model.tokenizer.encode(text, { addEos: false });

  test('text, its tokens, and lists of either give the same', async () => {
    const ids = tokensOf(PROMPT);
    const one = await client.completions.create(SHORT);
    const [choice] = one.choices;
    assert.equal(one.object, 'text_completion');
    assert.equal(choice!.finish_reason, 'length');
    assert.equal(choice!.logprobs, null);
    assert.deepEqual(
      [one.usage!.prompt_tokens, one.usage!.completion_tokens, one.usage!.total_tokens],
      [ids.length, 10, ids.length + 10],
    );
    for (const prompt of [ids, [PROMPT], [ids], [PROMPT, PROMPT], [ids, ids]]) {
      const { choices, usage } = await client.completions.create({ ...SHORT, prompt });
      const count = usage!.prompt_tokens / ids.length;
      assert.equal(choices.length, count);
      assert.ok(choices.every(({ text }) => text === choice!.text));
      assert.equal(usage!.completion_tokens, count * 10);
    }
  });

  test('16 tokens are the default, and none can be asked for', async () => {
    const { usage } = await client.completions.create({ ...SHORT, max_tokens: null });
    assert.equal(usage!.completion_tokens, 16);
    const none = await client.completions.create({ ...SHORT, max_tokens: 0, echo: true, logprobs: 2 });
    assert.equal(none.choices[0]!.text, PROMPT);
    assert.equal(none.choices[0]!.logprobs!.tokens!.length, tokensOf(PROMPT).length);
    assert.equal(none.usage!.completion_tokens, 0);
  });

  test('a stream gives the text of the whole answer, echoed and scored', async () => {
    const echoed = { ...SHORT, echo: true, logprobs: 2, n: 2 };
    const whole = await client.completions.create(echoed);
    const stream = await client.completions.create({
      ...echoed,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await listOf(stream);
    assert.deepEqual(chunks.at(-1)!.usage, whole.usage);
    for (const { index, text, logprobs, finish_reason } of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      assert.equal(own.map((choice) => choice.text).join(''), text);
      assert.ok(text.startsWith(PROMPT));
      assert.equal(own.at(-1)!.finish_reason, finish_reason);
      assert.deepEqual(
        own.flatMap((choice) => choice.logprobs?.token_logprobs ?? []),
        logprobs!.token_logprobs,
      );
      assert.deepEqual(
        own.flatMap((choice) => choice.logprobs?.text_offset ?? []),
        logprobs!.text_offset,
      );
    }
  });

  test('of several candidates, the most likely come first', async () => {
    const all = await client.completions.create({ ...SHORT, n: 6, logprobs: 0 });
    const means = all.choices.map(({ logprobs }) => mean(logprobs!.token_logprobs as number[]));
    const order = [...means.keys()].sort((a, b) => means[b]! - means[a]!);
    const best = await client.completions.create({ ...SHORT, n: 2, best_of: 6 });
    assert.deepEqual(
      best.choices.map(({ text, logprobs }) => ({ text, logprobs })),
      order.slice(0, 2).map((index) => ({ text: all.choices[index]!.text, logprobs: null })),
    );
    assert.equal(best.usage!.completion_tokens, 60);
  });

  test('a harness that sends tokens reads the model’s own scores', async () => {
    const prompts = ['The king had three daughters.', 'The fox ate the'].map(tokensOf);
    const { choices } = await client.completions.create({ ...HARNESS, prompt: prompts });
    for (const [index, prompt] of prompts.entries()) {
      const contextLength = prompt.length - 3;
      const { token_logprobs, top_logprobs, tokens } = choices[index]!.logprobs!;
      assert.equal(tokens!.length, prompt.length + 1);
      assert.equal(token_logprobs![0], null);
      assert.equal(top_logprobs![0], null);
      const expected = await server.model.score(prompt);
      const scores = token_logprobs!.slice(contextLength, -1);
      assert.deepEqual(scores.map(Math.fround), [...expected.slice(contextLength - 1)]);
      for (let i = contextLength; i < prompt.length; i++) {
        const logits = await server.model.logits(prompt.slice(0, i));
        const isGreedy = logits.indexOf(Math.max(...logits)) === prompt[i];
        assert.equal(token_logprobs![i] === Math.max(...Object.values(top_logprobs![i]!)), isGreedy);
      }
      // The generated token is the most likely one, with exactly the same number.
      assert.equal(token_logprobs!.at(-1), Math.max(...Object.values(top_logprobs!.at(-1)!)));
    }
  });

  test('a harness that sends text finds continuations by their offset', async () => {
    const context = 'Der König –';
    const continuation = ' had 🦊 three';
    const body = {
      prompt: context + continuation,
      logprobs: 10,
      temperature: 0,
      max_tokens: 1,
      echo: true,
    };
    const response = await fetch(`${server.baseURL}/completions`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify(body),
    });
    const { choices } = (await response.json()) as OpenAI.Completion;
    const { text_offset, tokens, token_logprobs, top_logprobs } = choices[0]!.logprobs!;
    const points = [...choices[0]!.text];
    const start = text_offset!.findIndex((offset) => offset >= [...context].length);
    assert.ok(start > 0);
    assert.equal(points.slice(text_offset![start]).join('').startsWith(continuation), true);
    for (const [i, token] of tokens!.entries()) {
      const end = text_offset![i + 1] ?? points.length;
      if (!token.startsWith('bytes:') && i > 0) {
        assert.equal(points.slice(text_offset![i], end).join(''), token);
      }
      if (i > 0) assert.equal(top_logprobs![i]![token], token_logprobs![i]);
    }
    assert.equal(
      tokens!.some((token) => token.startsWith('bytes:\\x')),
      true,
    );
  });

  test('stops, biases and penalties', async () => {
    const { choices } = await client.completions.create(SHORT);
    const { text } = choices[0]!;
    const stop = text.slice(4, 7);
    const cut = await client.completions.create({ ...SHORT, stop });
    assert.equal(cut.choices[0]!.text, text.slice(0, text.indexOf(stop)));
    assert.equal(cut.choices[0]!.finish_reason, 'stop');
    const [id] = server.model.tokenize(' a');
    const biased = { ...SHORT, temperature: 0, max_tokens: 4, logit_bias: { [id!]: 100 } };
    const repeated = await client.completions.create(biased);
    assert.equal(repeated.choices[0]!.text, ' a'.repeat(4));
  });

  test('what is not supported is refused by its name', async () => {
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [{ suffix: 'end' }, 'suffix', /cannot fill gaps/],
      [{ best_of: 1, n: 2 }, 'best_of', /at least n/],
      [{ best_of: 3, stream: true }, 'best_of', /cannot be streamed/],
      [{ logprobs: 21 }, 'logprobs', /at most 20/],
      [{ max_tokens: -1 }, 'max_tokens', /at least 0/],
      [{ prompt: [] }, 'prompt', /none of them empty/],
      [{ prompt: true }, 'prompt', /list of texts/],
      [{ prompt: [1, 'x'] }, 'prompt', /list of token ids/],
      [{ prompt: [[]] }, 'prompt', /none of them empty/],
      [{ prompt: [99_999_999] }, 'prompt', /99999999/],
      [{ prompt: Array.from({ length: 129 }, () => 'x') }, 'prompt', /128/],
      [{ prompt: Array.from({ length: 5000 }, () => 1) }, 'prompt', /5000 tokens/],
      [{ messages: [] }, 'messages', /not a parameter/],
    ];
    for (const [change, param, message] of cases) {
      const error = await failureOf(client.completions.create({ ...SHORT, ...change } as typeof SHORT));
      assert.equal(error.status, 400, `${JSON.stringify(change).slice(0, 80)}: ${error.message}`);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    }
    assert.equal(server.holds(), 0);
  });
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
