/**
 * What lm-evaluation-harness does with a completions server, written anew from its behaviour: the requests of its backends
 * `local-completions`, which sends tokens, and `gguf`, which sends text, and how each reads log-likelihoods out of the
 * answers. Its habits are kept, also where another way would be better: that is what a server has to work with.
 */
import assert from 'node:assert/strict';

/** A log-likelihood request: how likely is the second text after the first? */
export type Pair = readonly [context: string, continuation: string];

/** What the harness takes from an answer. */
export interface LogLikelihood {
  readonly sum: number;
  /** Whether greedy decoding would have given the continuation. */
  readonly isGreedy: boolean;
}

/** The harness's own tokenizer. */
export interface HarnessTokenizer {
  /** Without special tokens. */
  encode(text: string): number[];
  /** Stands before texts without a context. */
  readonly prefixToken: number;
  /** Added to stop sequences. */
  readonly endText: string;
}

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: {
    readonly tokens: readonly string[];
    readonly token_logprobs: readonly number[];
    readonly top_logprobs: readonly Readonly<Record<string, number>>[];
    readonly text_offset: readonly number[];
  } | null;
}

async function post(url: string, body: object): Promise<readonly Choice[]> {
  const response = await fetch(url, {
    method: 'POST',
    // No key is set, and the header is sent all the same.
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' },
    body: JSON.stringify(body),
  });
  // The harness retries whatever is not 2xx, and gives up with the text of the last answer.
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return ((await response.json()) as { choices: Choice[] }).choices;
}

/** Adds as Python's `sum` does: a null among the numbers is an error. */
function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => {
    assert.equal(typeof value, 'number', 'a log-probability that is no number');
    return sum + value;
  }, 0);
}

/** Settings of the harness, by its names. */
export interface LocalCompletionsOptions {
  readonly batchSize?: number;
  readonly concurrency?: number;
  readonly maxLength?: number;
}

/** One request as tokens. */
interface Encoded {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** `--model local-completions`, with requests as tokens. */
export class LocalCompletions {
  readonly #url: string;
  readonly #model: string;
  readonly #tokenizer: HarnessTokenizer;
  readonly #batchSize: number;
  readonly #concurrency: number;
  readonly #maxLength: number;

  /** @param baseURL with `/v1` */
  constructor(
    baseURL: string,
    model: string,
    tokenizer: HarnessTokenizer,
    options: LocalCompletionsOptions = {},
  ) {
    this.#url = `${baseURL}/completions`;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#batchSize = options.batchSize ?? 1;
    this.#concurrency = options.concurrency ?? 1;
    // One token is generated, so the harness keeps a place for it.
    this.#maxLength = (options.maxLength ?? 2048) - 1;
  }

  loglikelihood(pairs: readonly Pair[]): Promise<LogLikelihood[]> {
    return this.#scoreAll(pairs.map((pair) => this.encodePair(pair)));
  }

  /** Sums over whole texts, in windows whose predicted tokens do not overlap. */
  async loglikelihoodRolling(texts: readonly string[]): Promise<number[]> {
    const sums: number[] = [];
    for (const text of texts) {
      const windows = this.rollingWindows(this.#tokenizer.encode(text));
      sums.push((await this.#scoreAll(windows)).reduce((sum, window) => sum + window.sum, 0));
    }
    return sums;
  }

  /** Full windows with one token as their context; the last has as many before it as there is room for. */
  rollingWindows(tokens: readonly number[]): Encoded[] {
    // One place more is left free for the context.
    const most = this.#maxLength - 1;
    const windows: Encoded[] = [];
    for (let done = 0; done < tokens.length; ) {
      const end = Math.min(done + most, tokens.length);
      const context = done === 0 ? [this.#tokenizer.prefixToken] : tokens.slice(end - most - 1, done);
      windows.push({ context, continuation: tokens.slice(done, end) });
      done = end;
    }
    return windows;
  }

  /** Greedy texts up to one of the stop sequences. */
  async generateUntil(
    contexts: readonly string[],
    settings: { readonly until: readonly string[]; readonly max_gen_toks: number },
  ): Promise<string[]> {
    const { until, max_gen_toks } = settings;
    const most = this.#maxLength - max_gen_toks;
    const choices = await post(this.#url, {
      prompt: contexts.map((context) => this.#tokenizer.encode(context).slice(-most)),
      model: this.#model,
      max_tokens: max_gen_toks,
      temperature: 0,
      stop: [...until, this.#tokenizer.endText],
      seed: 1234,
    });
    return contexts.map((_, index) => choices.find((choice) => choice.index === index)!.text);
  }

  /** The tokens of both texts; spaces between them belong to the second. */
  encodePair([context, continuation]: Pair): Encoded {
    const { prefixToken } = this.#tokenizer;
    if (context === '') {
      const tokens = this.#tokenizer.encode(continuation);
      return { context: [prefixToken], continuation: tokens };
    }
    const trimmed = context.trimEnd();
    const whole = this.#tokenizer.encode(context + continuation);
    const before = this.#tokenizer.encode(trimmed);
    return { context: before, continuation: whole.slice(before.length) };
  }

  /** In the order of `requests`, though sent longest first. */
  async #scoreAll(requests: readonly Encoded[]): Promise<LogLikelihood[]> {
    const lengthOf = (i: number) => requests[i]!.context.length + requests[i]!.continuation.length;
    const order = [...requests.keys()].sort((a, b) => lengthOf(b) - lengthOf(a));
    const batches: number[][] = [];
    while (order.length > 0) batches.push(order.splice(0, this.#batchSize));
    const results: LogLikelihood[] = [];
    const work = async () => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        const answers = await this.#score(batch.map((i) => requests[i]!));
        for (const [place, i] of batch.entries()) results[i] = answers[place]!;
      }
    };
    await Promise.all(Array.from({ length: this.#concurrency }, work));
    return results;
  }

  async #score(batch: readonly Encoded[]): Promise<LogLikelihood[]> {
    const inputs = batch.map(({ context, continuation }) =>
      [...context, ...continuation].slice(-this.#maxLength),
    );
    const choices = await post(this.#url, {
      model: this.#model,
      prompt: inputs,
      temperature: 0,
      max_tokens: 1,
      logprobs: 1,
      seed: 1234,
      echo: true,
    });
    assert.equal(choices.length, inputs.length);
    const sorted = [...choices].sort((a, b) => a.index - b.index);
    return batch.map(({ continuation }, i) => {
      const { token_logprobs, top_logprobs } = sorted[i]!.logprobs!;
      const contextLength = inputs[i]!.length - continuation.length;
      assert.ok(contextLength > 0, 'context length must be greater than 0');
      // Everything after the context but the generated token.
      const scores = token_logprobs.slice(contextLength, -1);
      const tops = top_logprobs.slice(contextLength, -1);
      return {
        sum: sumOf(scores),
        isGreedy: scores.every((score, k) => score === Math.max(...Object.values(tops[k]!))),
      };
    });
  }
}

/** `--model gguf`: text, and continuations found by their place in it. */
export class GgufCompletions {
  readonly #url: string;

  /** @param baseURL with `/v1` */
  constructor(baseURL: string) {
    this.#url = `${baseURL}/completions`;
  }

  async loglikelihood(pairs: readonly Pair[]): Promise<LogLikelihood[]> {
    const results: LogLikelihood[] = [];
    for (const [context, continuation] of pairs) {
      const prompt = context + continuation;
      const [choice] = await post(this.#url, {
        prompt,
        logprobs: 10,
        temperature: 0,
        max_tokens: 1,
        echo: true,
      });
      const { tokens, token_logprobs, top_logprobs, text_offset } = choice!.logprobs!;
      // Python counts code points.
      const length = [...context].length;
      const first = text_offset.findIndex((offset) => offset >= length);
      assert.ok(first >= 0, 'no token begins after the context');
      const isGreedy = tokens.slice(first).every((token, i) => {
        const entries = Object.entries(top_logprobs[first + i]!);
        // The first one of the largest value, as Python's `max` over a dict.
        const best = entries.reduce((most, entry) => (entry[1] > most[1] ? entry : most));
        return best[0] === token;
      });
      results.push({ sum: sumOf(token_logprobs.slice(first, -1)), isGreedy });
    }
    return results;
  }

  /** Greedy texts of the server's default length, without white space around them. */
  async generateUntil(contexts: readonly string[], until: readonly string[]): Promise<string[]> {
    const texts: string[] = [];
    for (const prompt of contexts) {
      const [choice] = await post(this.#url, { prompt, logprobs: 10, temperature: 0, stop: until });
      texts.push(choice!.text.trim());
    }
    return texts;
  }
}
