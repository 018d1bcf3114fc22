/**
 * Figures for Prometheus, under the names of vLLM's metrics, so that its dashboards work, and so that the Kubernetes Gateway
 * API Inference Extension finds the two gauges it needs: `vllm:num_requests_waiting` and `vllm:kv_cache_usage_perc`.
 *
 * @see https://docs.vllm.ai/en/latest/usage/metrics.html
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SchedulerStatistics, SequenceProgress } from '../../engine/serving/sequence.ts';
import type { ModelRegistry } from '../models/served-model.ts';
import { cpuSeconds, machineBounds } from './process-figures.ts';
import { currentRecord, type RequestRecord } from './request-record.ts';

/** Seconds until a first token, and of whole requests. */
const LONG_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
/** Seconds between tokens. */
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536];

/** Whoever sees sequences begin, go on and end. */
export interface SequenceObserver {
  /** @param seconds since the sequence's last token */
  token(model: string, seconds: number): void;
  ended(model: string, progress: SequenceProgress): void;
  /** A model is unloaded: what its scheduler came to would be forgotten with it. */
  unloaded(statistics: SchedulerStatistics): void;
}

/** Tokens of all models since the server began. */
export interface TokenTotals {
  /** Of prompts, those found in the cache among them. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
}

/** Figures of one server. */
export class Metrics implements SequenceObserver {
  readonly #registry = new Registry();
  readonly #models: () => ModelRegistry;
  readonly #tokenSeconds: readonly Histogram<'model_name'>[];
  readonly #ended: readonly ((labels: { model_name: string }, progress: SequenceProgress) => void)[];
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #requestSeconds: Histogram<'method' | 'route'>;
  readonly #inFlight: Gauge;
  /** Of models that are not loaded any more. */
  #unloaded: TokenTotals = { promptTokens: 0, cachedTokens: 0, generatedTokens: 0 };

  /** @param models where the state of schedulers is read from */
  constructor(models: () => ModelRegistry) {
    this.#models = models;
    this.#addGauges();
    this.#tokenSeconds = [
      this.#histogram('vllm:inter_token_latency_seconds', 'Seconds between tokens.', TOKEN_SECONDS),
      this.#histogram('vllm:time_per_output_token_seconds', 'The same, by its older name.', TOKEN_SECONDS),
    ];
    this.#ended = this.#sequenceMetrics();
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'Requests answered, by route.',
      labelNames: ['method', 'route', 'status'],
      registers: [this.#registry],
    });
    this.#requestSeconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Seconds from the head of a request to the end of its answer.',
      labelNames: ['method', 'route'],
      buckets: LONG_SECONDS,
      registers: [this.#registry],
    });
    this.#inFlight = new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests that are being answered.',
      registers: [this.#registry],
    });
  }

  /** The type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All figures in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A request begins. */
  requestBegan(): void {
    this.#inFlight.inc();
  }

  /** A request was answered, or its client has gone. */
  requestEnded({ method, route, start }: RequestRecord, status: number): void {
    this.#inFlight.dec();
    this.#requests.inc({ method, route, status });
    this.#requestSeconds.observe({ method, route }, (performance.now() - start) / 1000);
  }

  token(model: string, seconds: number): void {
    for (const histogram of this.#tokenSeconds) histogram.observe({ model_name: model }, seconds);
  }

  ended(model: string, progress: SequenceProgress): void {
    for (const observe of this.#ended) observe({ model_name: model }, progress);
  }

  unloaded(statistics: SchedulerStatistics): void {
    this.#unloaded = sum(this.#unloaded, statistics);
  }

  /** Grows for as long as the server runs, whatever is loaded and unloaded. */
  get totals(): TokenTotals {
    let totals = this.#unloaded;
    for (const { loaded } of this.#models().list()) {
      if (loaded !== undefined) totals = sum(totals, loaded.scheduler.statistics);
    }
    return totals;
  }

  #sequenceMetrics(): readonly ((labels: { model_name: string }, progress: SequenceProgress) => void)[] {
    const counter = (name: string, help: string, count: (progress: SequenceProgress) => number) => {
      const metric = new Counter({ name, help, labelNames: ['model_name'], registers: [this.#registry] });
      return (labels: { model_name: string }, progress: SequenceProgress) =>
        metric.inc(labels, count(progress));
    };
    const histogram = (
      name: string,
      help: string,
      buckets: readonly number[],
      value: (progress: SequenceProgress) => number | undefined,
    ) => {
      const metric = this.#histogram(name, help, buckets);
      return (labels: { model_name: string }, progress: SequenceProgress) => {
        const found = value(progress);
        if (found !== undefined) metric.observe(labels, found);
      };
    };
    const success = new Counter({
      name: 'vllm:request_success_total',
      help: 'Sequences that ended, by the reason: stop, length (also a full context), abort.',
      labelNames: ['model_name', 'finished_reason'],
      registers: [this.#registry],
    });
    return [
      counter('vllm:prompt_tokens_total', 'Tokens of prompts.', (p) => p.promptTokens),
      counter('vllm:generation_tokens_total', 'Tokens generated.', (p) => p.generatedTokens),
      counter(
        'vllm:prefix_cache_queries_total',
        'Tokens looked for in the prefix cache.',
        (p) => p.promptTokens,
      ),
      counter('vllm:prefix_cache_hits_total', 'Tokens found in the prefix cache.', (p) => p.cachedTokens),
      histogram('vllm:time_to_first_token_seconds', 'Seconds until the first token.', LONG_SECONDS, (p) =>
        p.generatedTokens > 0 ? p.firstTokenSeconds : undefined,
      ),
      histogram(
        'vllm:e2e_request_latency_seconds',
        'Seconds of whole sequences.',
        LONG_SECONDS,
        (p) => p.seconds,
      ),
      histogram(
        'vllm:request_queue_time_seconds',
        'Seconds spent waiting.',
        LONG_SECONDS,
        (p) => p.queuedSeconds,
      ),
      histogram('vllm:request_prompt_tokens', 'Tokens of a prompt.', TOKENS, (p) => p.promptTokens),
      histogram('vllm:request_generation_tokens', 'Tokens of a reply.', TOKENS, (p) => p.generatedTokens),
      ({ model_name }, { end }) =>
        success.inc({
          model_name,
          finished_reason: end === undefined ? 'abort' : end === 'context' ? 'length' : end,
        }),
    ];
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram<'model_name'> {
    return new Histogram({
      name,
      help,
      labelNames: ['model_name'],
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  #addGauges(): void {
    const gauge = (name: string, help: string, value: (statistics: SchedulerStatistics) => number) => {
      const models = this.#models;
      new Gauge({
        name,
        help,
        labelNames: ['model_name'],
        registers: [this.#registry],
        collect() {
          this.reset();
          for (const { id, loaded } of models().list()) {
            if (loaded !== undefined) this.set({ model_name: id }, value(loaded.scheduler.statistics));
          }
        },
      });
    };
    gauge('vllm:num_requests_running', 'Sequences being computed.', (s) => s.running);
    gauge('vllm:num_requests_waiting', 'Sequences that wait to be computed.', (s) => s.waiting);
    const usage = 'Share of the KV cache that running sequences hold, 0 to 1';
    gauge('vllm:kv_cache_usage_perc', `${usage}.`, (s) => s.kvCacheInUse);
    gauge('vllm:gpu_cache_usage_perc', `${usage}, by its older name.`, (s) => s.kvCacheInUse);
    gauge('bitnet:kv_cache_held_perc', 'The same with the prefix cache.', (s) => s.kvCacheUsage);
    gauge('bitnet:kv_cache_bytes', 'Bytes that the KV cache may take.', (s) => s.kvCacheBytes);
    gauge('bitnet:sequences_refused', 'Sequences refused since too many waited.', (s) => s.refused);
    gauge('bitnet:sequences_cancelled', 'Sequences cancelled.', (s) => s.cancelled);
    gauge('bitnet:scheduler_steps', 'Passes over the model.', (s) => s.steps);
    this.#addProcessMetrics();
  }

  #addProcessMetrics(): void {
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(value());
        },
      });
    gauge('process_resident_memory_bytes', 'Physical memory of the process.', () =>
      process.memoryUsage.rss(),
    );
    const { threads, memoryBytes } = machineBounds();
    gauge('bitnet:machine_threads', 'Threads that the process may run at once.', () => threads);
    if (memoryBytes !== undefined) {
      gauge('bitnet:machine_memory_bytes', 'Memory that the process may have.', () => memoryBytes);
    }
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Processor time of all threads of the process.',
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(cpuSeconds());
      },
    });
  }
}

function sum(a: TokenTotals, b: TokenTotals): TokenTotals {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    generatedTokens: a.generatedTokens + b.generatedTokens,
  };
}

/** Adds a sequence to the record of the request that began it. */
export function recordSequence(model: string, sequence: { readonly progress: SequenceProgress }): void {
  const record = currentRecord();
  if (record === undefined) return;
  record.model = model;
  record.sequences.push(sequence);
}
