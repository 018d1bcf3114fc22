/** The server behind lm-evaluation-harness: what it reads are the model's own numbers, bit by bit, whatever the batches. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { tokenLogProbability } from '#src/engine/generation/generate.js';
import type { Model } from '#src/index.js';
import {
  GgufCompletions,
  type HarnessTokenizer,
  LocalCompletions,
  type LogLikelihood,
  type Pair,
} from './lm-eval-client.ts';
import { MODEL_NAME, type RunningServer, startServer } from './openai-server.ts';

const END_TEXT = '<|endoftext|>';

function harnessTokenizer(model: Model): HarnessTokenizer {
  const [prefixToken] = model.tokenize(END_TEXT, { parseSpecial: true });
  return { encode: (text) => model.tokenize(text), prefixToken: prefixToken!, endText: END_TEXT };
}

/** What the model says of tokens after others. */
async function expected(
  model: Model,
  context: readonly number[],
  continuation: readonly number[],
): Promise<LogLikelihood> {
  const tokens = [...context, ...continuation];
  let sum = 0;
  let isGreedy = true;
  for (let i = context.length; i < tokens.length; i++) {
    const logits = await model.logits(tokens.slice(0, i));
    sum += tokenLogProbability(logits, tokens[i]!);
    isGreedy &&= logits[tokens[i]!] === Math.max(...logits);
  }
  return { sum, isGreedy };
}

/** Multiple choice, one-token answers, no context, spaces on either side, and characters of several bytes and tokens. */
const PAIRS: readonly Pair[] = [
  ['Once upon a time there was a', ' king'],
  ['Once upon a time there was a', ' queen who had three daughters.'],
  ['Once upon a time there was a ', 'fox'],
  ['The fox said: ', '"I am hungry."'],
  ['', 'The king had a castle.'],
  ['Der König – ', 'ein 🦊'],
  ['A', ' '],
  ['Question: What is red?\nAnswer:', ' an apple'],
];

describe('lm-eval, local-completions', () => {
  let server: RunningServer;
  let model: Model;
  let tokenizer: HarnessTokenizer;
  /** {@link PAIRS}, and one whose continuation is what greedy decoding gives. */
  let pairs: readonly Pair[];
  before(async () => {
    server = await startServer();
    model = server.model;
    tokenizer = harnessTokenizer(model);
    pairs = [...PAIRS, await greedyPair(model, tokenizer)];
  });
  after(() => server.close());

  const harness = (options: ConstructorParameters<typeof LocalCompletions>[3] = {}) =>
    new LocalCompletions(server.baseURL, MODEL_NAME, tokenizer, { maxLength: 128, ...options });

  test('reads log-likelihoods and greediness of the model itself, for any batch size and concurrency', async () => {
    const wanted: LogLikelihood[] = [];
    for (const pair of pairs) {
      const { context, continuation } = harness().encodePair(pair);
      wanted.push(await expected(model, context, continuation));
    }
    assert.deepEqual(
      new Set(wanted.map(({ isGreedy }) => isGreedy)),
      new Set([true, false]),
      'both kinds are among them',
    );
    for (const options of [{}, { batchSize: 4 }, { concurrency: 5 }, { batchSize: 2, concurrency: 3 }]) {
      assert.deepEqual(await harness(options).loglikelihood(pairs), wanted, JSON.stringify(options));
    }
  });

  test('they are sums of model.score', async () => {
    const found = await harness({ batchSize: 9 }).loglikelihood(pairs);
    for (const [i, pair] of pairs.entries()) {
      const { context, continuation } = harness().encodePair(pair);
      const scores = await model.score([...context, ...continuation]);
      const sum = scores.slice(context.length - 1).reduce((total, score) => total + score, 0);
      assert.ok(Math.abs(found[i]!.sum - sum) < 1e-5, `${found[i]!.sum} and ${sum}`);
    }
  });

  test('a request that fills the context is answered, and a longer one is cut by the harness', async () => {
    const context = 'the king and the queen and the fox and '.repeat(20);
    const continuation = ' three daughters';
    const tokens = tokenizer.encode(context.trimEnd() + continuation).slice(-127);
    const cut = tokens.length - tokenizer.encode(continuation).length;
    const [found] = await harness().loglikelihood([[context.trimEnd(), continuation]]);
    assert.deepEqual(found, await expected(model, tokens.slice(0, cut), tokens.slice(cut)));
  });

  test('a request beyond the context is an error with both numbers, not a cut text', async () => {
    const pair: Pair = ['the king and the queen and the fox and '.repeat(20), 'on'];
    await assert.rejects(harness({ maxLength: 2048 }).loglikelihood([pair]), (error: Error) => {
      assert.match(error.message, /^400: .*context_length_exceeded/);
      const { context, continuation } = harness().encodePair(pair);
      assert.match(error.message, new RegExp(`\\b${context.length + continuation.length}\\b.*\\b128\\b`));
      return true;
    });
  });

  test('rolls over texts longer than the context, every token once', async () => {
    const text = 'Once upon a time there was a king who had three daughters. '.repeat(12);
    const tokens = tokenizer.encode(text);
    assert.ok(tokens.length > 130 && tokens.length < 250, `${tokens.length} tokens`);
    const first = await expected(model, [tokenizer.prefixToken], tokens.slice(0, 126));
    const rest = await expected(model, tokens.slice(tokens.length - 127, 126), tokens.slice(126));
    const sum = first.sum + rest.sum;
    for (const options of [{}, { batchSize: 2 }]) {
      assert.deepEqual(await harness(options).loglikelihoodRolling([text]), [sum]);
    }
  });

  test('generates greedy text up to a stop sequence', async () => {
    const contexts = ['Once upon a time there was', 'The fox said to the'];
    const until = [',', '\n\n'];
    const found = await harness({ batchSize: 2 }).generateUntil(contexts, { until, max_gen_toks: 40 });
    for (const [i, context] of contexts.entries()) {
      const options = { temperature: 0, maxTokens: 40, stop: [...until, END_TEXT] };
      assert.equal(found[i], await model.generate(tokenizer.encode(context), options).text());
      assert.ok(!found[i]!.includes(','));
    }
  });

  test('finds no tokenizer on the server, and so takes its own', async () => {
    const root = server.baseURL.replace('/v1', '');
    assert.equal((await fetch(`${root}/tokenizer_info`)).ok, false);
  });
});

test('lm-eval, local-completions: a generated end of text has an entry like any token, which the harness leaves out', async () => {
  // The model goes on with a line break, and here that ends a text.
  const server = await startServer({ 'tokenizer.ggml.eos_token_id': 10 });
  try {
    const { model, baseURL } = server;
    const tokenizer = harnessTokenizer(model);
    const harness = new LocalCompletions(baseURL, MODEL_NAME, tokenizer);
    const pair: Pair = ['They lived happily ever', ' after.'];
    const { context, continuation } = harness.encodePair(pair);
    const after = await model.logits([...context, ...continuation]);
    assert.equal(after.indexOf(Math.max(...after)), 10);
    assert.ok(model.tokenizer.stopIds.has(10));
    assert.deepEqual(await harness.loglikelihood([pair]), [await expected(model, context, continuation)]);
  } finally {
    await server.close();
  }
});

describe('lm-eval, gguf', () => {
  let server: RunningServer;
  let model: Model;
  let harness: GgufCompletions;
  before(async () => {
    server = await startServer();
    model = server.model;
    harness = new GgufCompletions(server.baseURL);
  });
  after(() => server.close());

  test('reads log-likelihoods and greediness of the tokens that begin after the context', async () => {
    const pairs: readonly Pair[] = [
      ['Once upon a time there was a', ' king'],
      ['Once upon a time there was a', ' queen who had three daughters.'],
      ['Der König – ', 'had 🦊 three'],
      ['🦊🦊 ', 'ran'],
      await greedyPair(model, harnessTokenizer(model), true),
    ];
    const found = await harness.loglikelihood(pairs);
    for (const [i, [context, continuation]] of pairs.entries()) {
      const tokens = model.tokenize(context + continuation, { addBos: true });
      const beginning = (count: number) => [
        ...model.detokenize(tokens.slice(0, count), { skipSpecial: true }),
      ];
      let first = 0;
      // The first token whose predecessors already are the whole context.
      while (beginning(first).length < [...context].length) first++;
      assert.deepEqual(
        found[i],
        await expected(model, tokens.slice(0, first), tokens.slice(first)),
        `${context}|${continuation}`,
      );
    }
    assert.deepEqual(new Set(found.map(({ isGreedy }) => isGreedy)), new Set([true, false]));
  });

  test('generates greedy text of 16 tokens, or up to a stop sequence', async () => {
    const contexts = ['Once upon a time there was', 'The fox said to the'];
    for (const until of [[], [',']]) {
      const found = await harness.generateUntil(contexts, until);
      for (const [i, context] of contexts.entries()) {
        const text = await model.generate(context, { temperature: 0, maxTokens: 16, stop: until }).text();
        assert.equal(found[i], text.trim());
      }
    }
  });
});

/** A context with the text that greedy decoding continues it with, which has to come back as the same tokens. */
async function greedyPair(model: Model, tokenizer: HarnessTokenizer, addBos = false): Promise<Pair> {
  const context = 'Once upon a time there was a king who had three';
  const tokens = model.tokenize(context, { addBos });
  const generated: number[] = [];
  for (let i = 0; i < 4; i++) {
    const logits = await model.logits([...tokens, ...generated]);
    generated.push(logits.indexOf(Math.max(...logits)));
  }
  const continuation = model.detokenize(generated);
  assert.deepEqual(tokenizer.encode(context + continuation), [...tokenizer.encode(context), ...generated]);
  return [context, continuation];
}
