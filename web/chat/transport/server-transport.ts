/**
 * The server that the page comes from as a {@link Transport}: its OpenAI API (docs/server/openai.md), with replies as
 * server-sent events, and `/stats` for what that API does not tell.
 */
import { eventData } from './event-stream.ts';
import type { InsideSource } from './inside-source.ts';
import type { MachineReading } from './machine-reading.ts';
import { failure, ServerClient, unreachable } from './server-client.ts';
import { ServerInside } from './server-inside.ts';
import { machineReading, type ServerStatistics } from './server-machine.ts';
import {
  type ModelChoice,
  type Progress,
  type ReplyDelta,
  type ReplyEnd,
  type ReplyRequest,
  type Runtime,
  type TokenChoice,
  type TokenDetail,
  type Transport,
  TransportError,
} from './transport.ts';

/** Of the most likely tokens in a token's place. */
const ALTERNATIVES = 5;

/** A token of `choices[].logprobs.content`. */
interface ScoredToken {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs?: readonly ScoredToken[];
}

/** What is read of a `chat.completion.chunk`. */
interface Chunk {
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly logprobs?: { readonly content?: readonly ScoredToken[] | null } | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
}

/** See the file's header. */
export class ServerTransport implements Transport {
  readonly kind = 'server';
  readonly store: undefined;
  readonly inside: InsideSource;
  readonly #client: ServerClient;
  /** At the last machine(). */
  #lastStatistics: ServerStatistics | undefined;

  /**
   * @param base the folder of the page
   * @param key the API key, asked before each request
   */
  constructor(base: URL, key: () => string | undefined) {
    this.#client = new ServerClient(base, key);
    this.inside = new ServerInside(this.#client);
  }

  async models(signal: AbortSignal): Promise<readonly ModelChoice[]> {
    const [{ data }, { models }] = await Promise.all([
      this.#client.json<{ readonly data: readonly { readonly id: string }[] }>('v1/models', signal),
      this.#statistics(signal),
    ]);
    return data.map(({ id }) => {
      const known = models.find((model) => model.id === id);
      return {
        id,
        title: id,
        contextLength: known?.contextLength,
        isLoaded: known?.loaded ?? false,
        fileBytes: undefined,
        isRemovable: false,
      };
    });
  }

  async load(
    modelId: string,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Runtime> {
    let found = (await this.#statistics(signal)).models.find(({ id }) => id === modelId);
    if (found?.loaded !== true) {
      onProgress({ stage: 'load', done: 0, total: undefined });
      // A server loads what is asked something; this asks for no token.
      await this.#client.json('v1/completions', signal, { model: modelId, prompt: 'Hello', max_tokens: 0 });
      found = (await this.#statistics(signal)).models.find(({ id }) => id === modelId);
    }
    return {
      backend: found?.backend,
      threads: found?.threads,
      areDetailsSlow: found?.head?.form === 'fast',
    };
  }

  async *reply(request: ReplyRequest, signal: AbortSignal): AsyncGenerator<ReplyDelta, ReplyEnd, undefined> {
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    const left = new AbortController();
    const { body } = await this.#client.request(
      'v1/chat/completions',
      AbortSignal.any([signal, left.signal]),
      requestBody(request),
    );
    let finish: string | undefined;
    let usage: Chunk['usage'];
    let firstTokenSeconds: number | undefined;
    let isDone = false;
    try {
      for await (const events of eventData(body!)) {
        const delta = { text: '', count: 0, tokens: [] as TokenDetail[] };
        let fault: unknown;
        for (const event of events) {
          if (event === '[DONE]') isDone = true;
          else {
            try {
              const chunk = chunkOf(event);
              usage = chunk.usage ?? usage;
              finish = chunk.choices?.[0]?.finish_reason ?? finish;
              addTo(delta, chunk);
            } catch (error) {
              // What came with it, before it, counts.
              fault = error;
              break;
            }
          }
        }
        if (delta.text !== '' || delta.tokens.length > 0) {
          firstTokenSeconds ??= seconds();
          yield delta;
        }
        if (fault !== undefined) throw fault;
        // A reader may take its time with what came before.
        signal.throwIfAborted();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof TransportError ? error : unreachable(error);
    } finally {
      left.abort();
    }
    if (!isDone || finish === undefined) {
      throw new TransportError('unreachable', 'The connection to the server ended before the reply did.');
    }
    return {
      finishReason: finish === 'length' ? 'length' : 'stop',
      promptTokens: usage?.prompt_tokens ?? 0,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
      generatedTokens: usage?.completion_tokens ?? 0,
      firstTokenSeconds: firstTokenSeconds ?? seconds(),
      seconds: seconds(),
    };
  }

  async machine(signal: AbortSignal): Promise<MachineReading> {
    const statistics = await this.#statistics(signal);
    const reading = machineReading(statistics, this.#lastStatistics);
    this.#lastStatistics = statistics;
    return reading;
  }

  #statistics(signal: AbortSignal): Promise<ServerStatistics> {
    return this.#client.json<ServerStatistics>('stats', signal);
  }
}

/** All parameters are said, so that no default of the server's stands in for one of the page's. */
function requestBody({ modelId, messages, sampling, hasDetails }: ReplyRequest): object {
  const { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens } = sampling;
  return {
    model: modelId,
    messages: messages.map(({ role, content }) => ({ role, content })),
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    repetition_penalty: repetitionPenalty,
    ...(seed !== undefined && { seed }),
    ...(maxTokens !== undefined && { max_completion_tokens: maxTokens }),
    ...(hasDetails && { logprobs: true, top_logprobs: ALTERNATIVES }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function chunkOf(event: string): Chunk {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(event) as Chunk;
  } catch {
    throw new TransportError(
      'refused',
      'The server’s answer cannot be read; is this page of the same version?',
    );
  }
  if (chunk.error != null) throw failure(0, chunk);
  return chunk;
}

function addTo(delta: { text: string; count: number; tokens: TokenDetail[] }, { choices }: Chunk): void {
  const choice = choices?.[0];
  const text = choice?.delta?.content ?? '';
  const scoredTokens = choice?.logprobs?.content;
  delta.text += text;
  // Without scores, a chunk with text is a token, but for those that had to wait for the rest of a character.
  delta.count += scoredTokens?.length ?? (text === '' ? 0 : 1);
  for (const scored of scoredTokens ?? []) {
    delta.tokens.push({ ...choiceOf(scored), alternatives: (scored.top_logprobs ?? []).map(choiceOf) });
  }
}

function choiceOf({ token, logprob }: ScoredToken): TokenChoice {
  return { text: token, logprob };
}
