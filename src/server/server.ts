/**
 * `bitnet.ts/server`: models behind the HTTP APIs that tools already speak, as a function from Request to Response. It opens
 * no port; `bitnet serve` does (listen.ts), and so does any server for such functions.
 */
import type { SchedulerOptions } from '../engine/serving/scheduler.ts';
import { BitnetError, type LoadOptions, type Model } from '../index.ts';
import { createApp } from './app.ts';
import { createConstraintCompiler } from './constraint/xgrammar-constraints.ts';
import { addAnthropicRoutes } from './dialects/anthropic/routes.ts';
import { addOllamaRoutes } from './dialects/ollama/routes.ts';
import { addOpenAiRoutes } from './dialects/openai/openai-routes.ts';
import { keyCheck } from './http/api-keys.ts';
import { checkLimits, type RequestLimits } from './http/limits.ts';
import { within } from './http/within.ts';
import { addInsideRoutes } from './inside/inside-routes.ts';
import { type ModelEntry, nameModels } from './models/model-entry.ts';
import { Models } from './models/registry.ts';
import type { ModelRegistry } from './models/served-model.ts';
import type { ServerState } from './operations/health.ts';
import { Log, type LogFormat, type LogSink } from './operations/log.ts';
import { Metrics } from './operations/metrics.ts';
import { loadTracing } from './operations/tracing.ts';
import type { AddRoutes, ServerEnvironment } from './server-context.ts';

export type { RequestLimits } from './http/limits.ts';
export type { ModelEntry } from './models/model-entry.ts';
export type { Lease, ModelDescription, ModelRegistry, ServedModel } from './models/served-model.ts';
export type { LogEntry, LogFormat, LogSink } from './operations/log.ts';

/** What a server is made of; all but the models has a default. */
export interface ServerOptions {
  /** Paths, URLs, loaded models or entries with names; the first is the default. Or a registry of the caller's own. */
  readonly models: readonly (string | URL | Model | ModelEntry)[] | ModelRegistry;
  /** How models are loaded. */
  readonly load?: LoadOptions;
  /** Bounds of each model's scheduler: sequences computed together, the queue, bytes of KV cache. */
  readonly scheduler?: Omit<SchedulerOptions, 'embedTokens'>;
  /** Which models are loaded at once, and then stay: the first (the default), all, or none. */
  readonly preload?: 'first' | 'all' | 'none';
  /** Seconds for which other models stay loaded after their last request; below 0 for ever; default 300. */
  readonly keepAliveSeconds?: number;
  /** Most models that are loaded at once; default 3. */
  readonly maxLoaded?: number;
  /** Keys of which a request must carry one; default none, and nobody is asked. */
  readonly apiKeys?: readonly string[];
  /** Host names by which the server may be called, besides addresses and `localhost`; `*` for any. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may call it from a browser, besides itself and loopback pages; `*` for any. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<RequestLimits>;
  /** Where the log goes: stdout as `json` or `text`, nowhere (`off`, the default), or a function. */
  readonly log?: LogFormat | LogSink;
  /** Puts the texts of prompts and replies into the log; default false. */
  readonly logPrompts?: boolean;
}

/** See the file's header. */
export interface BitnetServer {
  /**
   * Answers a request. Can be passed on without its object.
   *
   * @param environment what the framework of the port gives along (`outgoing` of @hono/node-server)
   */
  readonly fetch: (request: Request, environment?: ServerEnvironment['Bindings']) => Promise<Response>;
  /** Resolves when the models that are loaded at the start are there. @throws as loadModel */
  readonly ready: Promise<void>;
  /**
   * Refuses new requests, waits for those under way, ends what is left of them, and unloads all models.
   *
   * @param graceSeconds how long to wait; default 0
   */
  close(graceSeconds?: number): Promise<void>;
}

/** The APIs. */
const ROUTES: readonly AddRoutes[] = [addOpenAiRoutes, addAnthropicRoutes, addOllamaRoutes, addInsideRoutes];

const DEFAULT_KEEP_ALIVE_SECONDS = 300;
const DEFAULT_MAX_LOADED = 3;

/**
 * A server.
 *
 * @param routes for tests: other routes than those of the APIs
 * @throws BitnetError `option/…`
 */
export function createServer(options: ServerOptions, routes: readonly AddRoutes[] = ROUTES): BitnetServer {
  const limits = checkLimits(options.limits);
  const log = new Log(options.log ?? 'off');
  const metrics: Metrics = new Metrics(() => models);
  const models = 'acquire' in options.models ? options.models : openModels(options, metrics, log);
  let state: ServerState = 'loading';
  const app = createApp({
    models,
    routes,
    limits,
    allowed: { hosts: options.allowedHosts ?? [], origins: options.allowedOrigins ?? [] },
    checkKey: keyCheck(options.apiKeys ?? []),
    metrics,
    log,
    logPrompts: options.logPrompts ?? false,
    tracing: loadTracing(),
    state: () => state,
  });
  const ready = preload(models, options.preload ?? 'first').then(
    () => {
      if (state === 'loading') state = 'ready';
    },
    (error: unknown) => {
      if (state === 'loading') state = 'failed';
      throw error;
    },
  );
  // Whoever does not wait for it learns of it from /ready.
  ready.catch(() => {});
  let closing: Promise<void> | undefined;
  const close = async (graceSeconds: number) => {
    state = 'draining';
    await within(app.idle(), graceSeconds);
    app.abortAll();
    await within(app.idle(), 1);
    await models.dispose();
  };
  return {
    fetch: async (request, environment) => app.hono.fetch(request, environment ?? {}),
    ready,
    close: (graceSeconds = 0) => {
      closing ??= close(graceSeconds);
      return closing;
    },
  };
}

function openModels(options: ServerOptions, metrics: Metrics, log: Log): Models {
  const maxLoaded = options.maxLoaded ?? DEFAULT_MAX_LOADED;
  const { length } = options.models as readonly unknown[];
  if (!Number.isInteger(maxLoaded) || maxLoaded < 1) {
    throw new BitnetError(
      'option/maxLoaded',
      `maxLoaded is ${maxLoaded}, and must be a whole number, 1 or more`,
    );
  }
  if (options.preload === 'all' && length > maxLoaded) {
    throw new BitnetError(
      'option/maxLoaded',
      `${length} models are to be loaded at once, and at most ${maxLoaded} may be; raise maxLoaded (--max-models)`,
    );
  }
  const entries = options.models as readonly (string | URL | Model | ModelEntry)[];
  return new Models({
    models: nameModels(entries),
    load: options.load ?? {},
    scheduler: options.scheduler ?? {},
    createConstraints: (model) => createConstraintCompiler(model.tokenizer),
    keepAliveSeconds: options.keepAliveSeconds ?? DEFAULT_KEEP_ALIVE_SECONDS,
    maxLoaded,
    observer: metrics,
    log,
  });
}

async function preload(models: ModelRegistry, which: 'first' | 'all' | 'none'): Promise<void> {
  if (!(models instanceof Models) || which === 'none') return;
  const names = models.list().map(({ id }) => id);
  await models.preload(which === 'first' ? names.slice(0, 1) : names);
}
