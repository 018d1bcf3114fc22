/**
 * The layers that every request passes before a dialect has it: its number, its record and its time; where it comes from
 * and whether it has a key; then the routes. What fails on the way is answered in the shape of the path.
 */
import { Hono } from 'hono';
import type { CheckKey } from './http/api-keys.ts';
import { errorResponse } from './http/error-response.ts';
import { failureOf, RequestError } from './http/failure.ts';
import type { RequestLimits } from './http/limits.ts';
import { type AllowedOrigins, checkOrigin, preflightResponse } from './http/origins.ts';
import { RequestLife } from './http/request-life.ts';
import { routeTable } from './http/route-table.ts';
import type { ModelRegistry } from './models/served-model.ts';
import { addOperationRoutes, OPEN_PATHS, QUIET_PATHS, type ServerState } from './operations/health.ts';
import type { Log } from './operations/log.ts';
import type { Metrics } from './operations/metrics.ts';
import { type RequestRecord, withRecord } from './operations/request-record.ts';
import type { Tracing } from './operations/tracing.ts';
import { addPageRoutes, isPagePath } from './pages/page-routes.ts';
import type { AddRoutes, ServerEnvironment, ServerRequest } from './server-context.ts';

/** What an app is made of. */
export interface AppOptions {
  readonly models: ModelRegistry;
  readonly routes: readonly AddRoutes[];
  readonly limits: RequestLimits;
  readonly allowed: AllowedOrigins;
  readonly checkKey: CheckKey | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly logPrompts: boolean;
  readonly tracing: Promise<Tracing>;
  readonly state: () => ServerState;
}

/** An app with the requests that it works on. */
export interface App {
  readonly hono: Hono<ServerEnvironment>;
  /** Resolves when no request is under way. */
  idle(): Promise<void>;
  /** Ends all requests that are under way. */
  abortAll(): void;
}

/** Builds the app. */
export function createApp(options: AppOptions): App {
  const hono = new Hono<ServerEnvironment>();
  const requests = new RequestsUnderWay();
  hono.use(async (c, next) => followRequest(c, next, options, requests, findRoute));
  hono.use(async (c, next) => guardRequest(c, next, options));
  addOperationRoutes(hono, options);
  addPageRoutes(hono);
  for (const addRoutes of options.routes) addRoutes(hono, { models: options.models });
  const findRoute = routeTable(hono.routes);
  hono.notFound((c) => {
    const { methods } = findRoute(c.req.path);
    return unknownRoute(c, methods);
  });
  hono.onError((error, c) => {
    return errorResponse(c.req.path, c.get('requestId'), failureOf(error));
  });
  return { hono, idle: () => requests.idle(), abortAll: () => requests.abortAll() };
}

/** The outermost layer: a request's record from its head to the last byte of its answer. */
async function followRequest(
  c: ServerRequest,
  next: () => Promise<void>,
  options: AppOptions,
  requests: RequestsUnderWay,
  findRoute: ReturnType<typeof routeTable>,
): Promise<void> {
  const { limits, metrics, log } = options;
  const life = new RequestLife(c.req.raw.signal, limits);
  const record: RequestRecord = {
    id: requestIdOf(c.req.header('x-request-id')),
    method: c.req.method,
    path: c.req.path,
    route: findRoute(c.req.path).pattern,
    start: performance.now(),
    sequences: [],
    ...(options.logPrompts && { texts: [] }),
  };
  c.set('requestId', record.id);
  c.set('signal', life.signal);
  c.set('limits', limits);
  requests.add(life);
  metrics.requestBegan();
  const tracing = await options.tracing;
  await tracing.run(record, c.req.raw.headers, async (endSpan) => {
    const end = (error?: unknown) => {
      const status = life.signal.aborted ? (life.signal.reason as RequestError).status : c.res.status;
      const cause = error ?? (life.signal.aborted ? life.signal.reason : undefined);
      life.end();
      requests.delete(life);
      metrics.requestEnded(record, status);
      if (!QUIET_PATHS.has(record.path) || status >= 400) log.request(record, status, cause);
      endSpan(status, cause);
    };
    await withRecord(record, next);
    c.res.headers.set('x-request-id', record.id);
    if (options.state() === 'draining') c.res.headers.set('connection', 'close');
    const outgoing = c.env?.outgoing;
    const disconnect = outgoing && (() => void outgoing.destroy());
    if (!life.watch(c.res, disconnect, end)) end();
  });
}

/** Who may not come in, and what a browser asks beforehand. */
async function guardRequest(
  c: ServerRequest,
  next: () => Promise<void>,
  { allowed, checkKey, state }: AppOptions,
): Promise<Response | undefined> {
  const { headers } = c.req.raw;
  const origin = checkOrigin(headers, allowed);
  if (c.req.method === 'OPTIONS' && headers.has('access-control-request-method')) {
    return preflightResponse(headers, origin);
  }
  const refused = refusal(c, checkKey, state());
  if (refused === undefined) await next();
  else c.res = refused;
  for (const [name, value] of Object.entries(origin)) c.res.headers.set(name, value);
  return undefined;
}

/** An answer instead of a route's; a browser's page may read it, so it is no exception. */
function refusal(c: ServerRequest, checkKey: CheckKey | undefined, state: ServerState): Response | undefined {
  const { path } = c.req;
  if (OPEN_PATHS.has(path) || isPagePath(path)) return undefined;
  try {
    checkKey?.(c.req.raw.headers);
    if (state !== 'draining') return undefined;
    throw new RequestError({
      status: 503,
      code: 'shutting_down',
      message: 'the server is shutting down; ask another one, or this one later',
      retryAfter: 5,
    });
  } catch (error) {
    return errorResponse(path, c.get('requestId'), failureOf(error));
  }
}

function unknownRoute(c: ServerRequest, methods: readonly string[]): Response {
  const { method, path } = c.req;
  const at = `${method} ${path.slice(0, 100)}`;
  if (methods.length === 0) {
    const message = `there is no ${at} here`;
    return errorResponse(path, c.get('requestId'), { status: 404, code: 'not_found', message });
  }
  const message = `${at} does not exist; the methods of this path are ${methods.join(', ')}`;
  const response = errorResponse(path, c.get('requestId'), {
    status: 405,
    code: 'method_not_allowed',
    message,
  });
  response.headers.set('allow', methods.join(', '));
  return response;
}

/** The client's own number, if it is harmless, or a new one. */
function requestIdOf(given: string | undefined): string {
  return given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : crypto.randomUUID();
}

/** The requests that are being answered. */
class RequestsUnderWay {
  readonly #lives = new Set<RequestLife>();
  #waiting: (() => void)[] = [];

  add(life: RequestLife): void {
    this.#lives.add(life);
  }

  delete(life: RequestLife): void {
    this.#lives.delete(life);
    if (this.#lives.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  idle(): Promise<void> {
    if (this.#lives.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  abortAll(): void {
    for (const life of this.#lives) {
      life.abort(503, 'shutting_down', 'the server was shut down before the answer was complete');
    }
  }
}
