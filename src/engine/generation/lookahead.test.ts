import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { tinyTalesBytes } from '../../model/loading/rewritten-model.test.ts';
import { loadModel, type Model } from '../model.ts';
import { Session } from '../session.ts';
import { type GenerateOptions, type GenerationResult, generateTokens, type Piece } from './generate.ts';
import { Lookahead } from './lookahead.ts';

const CONTEXT = 96;
/** Letters that repeat, and a text that the model has a word to say on. */
const PROMPTS = [
  '1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3',
  'The king said: I am. The king said: I',
  'Once upon',
];

/** What a generation came to, but for its times and steps; an error as its name and message. */
interface Outcome {
  readonly pieces: readonly Piece[];
  readonly end: Partial<GenerationResult> | string;
  readonly counters: Pick<GenerationResult, 'decodeSteps' | 'draftedTokens' | 'acceptedTokens'>;
}

describe('computing ahead of the sampler', () => {
  let model: Model;
  /** Milliseconds, moved on by steps alone. */
  let now = 0;
  const clock = () => now;
  /** What steps take; flat makes drafts worth trying always. */
  let stepTime: (tokens: number) => number;
  /** Positions and lengths of the steps. */
  let steps: { readonly position: number; readonly count: number }[] = [];

  before(async () => {
    // The head that answers the likeliest tokens alone is the one where it matters what a draft asks for.
    const options = { threads: 0, contextLength: CONTEXT, batchTokens: 32, head: 'fast' } as const;
    model = await loadModel(tinyTalesBytes(), options);
    assert.equal(model.engine.headKind, 'fast');
    const { engine } = model;
    const { step } = engine;
    engine.step = async (items, into) => {
      const rows = await step.call(engine, items, into);
      for (const { position, tokens } of items) steps.push({ position, count: tokens.length });
      now += stepTime(items.reduce((sum, { tokens }) => sum + tokens.length, 0));
      return rows;
    };
  });
  beforeEach(() => {
    stepTime = (tokens) => 10 + 0.01 * tokens;
    steps = [];
  });
  after(() => model.dispose());

  async function run(
    prompt: string | readonly number[],
    options: GenerateOptions,
    session: Session = new Session(model.engine),
  ): Promise<Outcome> {
    const tokens = typeof prompt === 'string' ? model.tokenize(prompt, { addBos: true }) : prompt;
    const lookup: { -readonly [K in keyof Outcome['counters']]: number } = {
      decodeSteps: 0,
      draftedTokens: 0,
      acceptedTokens: 0,
    };
    const pieces: Piece[] = [];
    const generation = generateTokens(session, model.tokenizer, tokens, options, clock);
    try {
      for (;;) {
        const { done, value } = await generation.next();
        if (!done) {
          pieces.push(value);
          continue;
        }
        const { seconds, firstTokenSeconds, decodeSteps, draftedTokens, acceptedTokens, ...end } = value;
        return { pieces, end, counters: { decodeSteps, draftedTokens, acceptedTokens } };
      }
    } catch (error) {
      return { pieces, end: String(error), counters: lookup };
    } finally {
      session.dispose();
    }
  }

  /** Both ways; they have to agree. */
  async function runBoth(prompt: string | readonly number[], options: GenerateOptions): Promise<Outcome> {
    const plain = await run(prompt, { ...options, lookup: 'off' });
    const ahead = await run(prompt, { ...options, lookup: 'auto' });
    assert.deepEqual(ahead.pieces, plain.pieces);
    assert.deepEqual(ahead.end, plain.end);
    assert.deepEqual([plain.counters.draftedTokens, plain.counters.acceptedTokens], [0, 0]);
    return ahead;
  }

  test('gives the same pieces with any options', async () => {
    const before = { ...model.engine.lookupCounters };
    const options = fc.record(
      {
        temperature: fc.constantFrom(0, 0.3, 0.8, 1.5),
        topK: fc.constantFrom(0, 1, 5, 40),
        topP: fc.constantFrom(0.5, 0.95, 1),
        repetitionPenalty: fc.constantFrom(1, 0.9, 1.2),
        frequencyPenalty: fc.constantFrom(0, 0.2, -0.3),
        penaltyWindow: fc.constantFrom(3, 64),
        logitBias: fc.constantFrom<Record<number, number>>({}, { 13: 4, 17: Number.NEGATIVE_INFINITY }),
        seed: fc.nat(1000),
        maxTokens: fc.integer({ min: 0, max: 70 }),
        stop: fc.constantFrom<string[]>([], ['5'], ['he'], ['\n\n', 'king']),
        logprobs: fc.constantFrom(0, 3),
        overflow: fc.constantFrom<'error' | 'stop' | 'slide'>('error', 'stop', 'slide'),
      },
      { requiredKeys: ['seed', 'maxTokens'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PROMPTS), options, async (prompt, some) => {
        await runBoth(prompt, some);
      }),
      { numRuns: 40 },
    );
    const { draftedTokens, acceptedTokens } = model.engine.lookupCounters;
    const [drafted, accepted] = [
      draftedTokens - before.draftedTokens,
      acceptedTokens - before.acceptedTokens,
    ];
    assert.ok(accepted > 20 && drafted - accepted > 20, `${accepted} of ${drafted}: both kinds occurred`);
  });

  test('takes fewer steps over text that repeats itself', async () => {
    const { counters, pieces } = await runBoth(PROMPTS[0]!, {
      temperature: 0,
      maxTokens: 60,
      overflow: 'stop',
    });
    const ids = pieces.flatMap(({ tokens }) => tokens);
    assert.ok(
      counters.decodeSteps * 3 < ids.length,
      `${counters.decodeSteps} steps for ${ids.length} tokens`,
    );
    // Every token but the first comes from a step of its own or from a draft.
    assert.equal(counters.decodeSteps + counters.acceptedTokens, ids.length - 1);
    assert.ok(counters.acceptedTokens <= counters.draftedTokens);
  });

  test('takes one step for each token when it is off, or where steps of several tokens do not pay', async () => {
    const options = { temperature: 0, maxTokens: 40 } as const;
    const off = await run(PROMPTS[0]!, { ...options, lookup: 'off' });
    assert.equal(off.counters.decodeSteps, 39);
    const { length } = model.tokenize(PROMPTS[0]!, { addBos: true });
    assert.ok(steps.every(({ position, count }) => position < length || count === 1));
    const costly = await loadModel(tinyTalesBytes(), { threads: 0, contextLength: CONTEXT });
    const { engine } = costly;
    const { step } = engine;
    engine.step = async (items, into) => {
      now += 10 * items[0]!.tokens.length;
      return step.call(engine, items, into);
    };
    const start = now;
    const tokens = costly.tokenize(PROMPTS[0]!, { addBos: true });
    const pieces = generateTokens(new Session(engine), costly.tokenizer, tokens, options, clock);
    for await (const _piece of pieces);
    assert.ok(now - start <= 10 * (tokens.length + 39) + 20, 'no more than a first try is lost');
    await costly.dispose();
  });

  test('computes nothing beyond maxTokens and the context', async () => {
    const prompt = model.tokenize(PROMPTS[0]!, { addBos: true });
    for (const maxTokens of [1, 2, 3, 9, 30]) {
      steps = [];
      await run(prompt, { temperature: 0, maxTokens });
      for (const { position, count } of steps) assert.ok(position + count < prompt.length + maxTokens);
    }
    steps = [];
    const { pieces } = await runBoth(prompt, { temperature: 0, overflow: 'stop' });
    assert.ok(steps.some(({ count }) => count > 8 && count < 17));
    for (const { position, count } of steps) assert.ok(position + count <= CONTEXT);
    assert.equal(pieces.flatMap(({ tokens }) => tokens).length, CONTEXT - prompt.length + 1);
  });

  test('a step has at most as many tokens as the engine takes at once', async () => {
    const narrow = await loadModel(tinyTalesBytes(), { threads: 0, contextLength: CONTEXT, batchTokens: 3 });
    const texts: string[] = [];
    for (const lookup of ['auto', 'off'] as const) {
      const generation = narrow.generate(PROMPTS[0]!, { temperature: 0, maxTokens: 40, lookup });
      texts.push(await generation.text());
    }
    assert.equal(texts[0], texts[1]);
    await narrow.dispose();
  });

  test('an abort counts at the next token, also where it has been computed', async () => {
    for (const at of [1, 5, 8, 20]) {
      const seen: number[][] = [];
      for (const lookup of ['auto', 'off'] as const) {
        const controller = new AbortController();
        const options = { temperature: 0, lookup, signal: controller.signal } as const;
        const tokens = model.tokenize(PROMPTS[0]!, { addBos: true });
        const session = new Session(model.engine);
        const ids: number[] = [];
        await assert.rejects(async () => {
          for await (const piece of generateTokens(session, model.tokenizer, tokens, options, clock)) {
            ids.push(...piece.tokens);
            if (ids.length === at) controller.abort(new Error('enough'));
          }
        }, /enough/);
        session.dispose();
        seen.push(ids);
      }
      assert.equal(seen[0]!.length, at);
      assert.deepEqual(seen[0], seen[1]);
    }
  });

  test('a session that was left with tokens ahead goes on like any other', async () => {
    const tokens = model.tokenize(PROMPTS[0]!, { addBos: true });
    const session = new Session(model.engine);
    const options = { temperature: 0, maxTokens: 40 } as const;
    let left = 25;
    for await (const _piece of generateTokens(session, model.tokenizer, tokens, options, clock)) {
      if (--left === 0) break;
    }
    const other = [...tokens, 40, 41];
    const again = await run(other, { temperature: 0, maxTokens: 20, lookup: 'off' }, session);
    assert.deepEqual(
      again.pieces,
      (await run(other, { temperature: 0, maxTokens: 20, lookup: 'off' })).pieces,
    );
  });

  test('generations side by side give what they give one after the other', async () => {
    const options = { temperature: 0.5, seed: 4, maxTokens: 40 } as const;
    const sequential: (readonly Piece[])[] = [];
    for (const prompt of PROMPTS) sequential.push((await runBoth(prompt, options)).pieces);
    const parallel = await Promise.all(PROMPTS.map((prompt) => run(prompt, options)));
    assert.deepEqual(
      parallel.map(({ pieces }) => pieces),
      sequential,
    );
  });

  test('asked again for the same tokens, it computes them again', async () => {
    const session = new Session(model.engine);
    const lookahead = new Lookahead(session, 'auto', clock);
    const tokens = model.tokenize(PROMPTS[0]!, { addBos: true });
    const all = () => ({});
    const script = [...tokens, ...tokens];
    for (const id of script.slice(0, 30)) {
      const first = (await lookahead.next(tokens, 60, all)).logits.slice();
      assert.deepEqual((await lookahead.next(tokens, 60, all)).logits, first);
      tokens.push(id);
    }
    session.dispose();
  });

  test('an unknown mode is refused', async () => {
    const lookup = { lookup: 'always' } as unknown as GenerateOptions;
    await assert.rejects(model.generate('a', lookup).text(), { code: 'option/lookup' });
  });
});
