/** Whether the process is up (`/health`), whether it takes requests (`/ready`), and what it is doing (`/metrics`, `/stats`). */
import type { Hono } from 'hono';
import type { ModelRegistry } from '../models/served-model.ts';
import type { ServerEnvironment } from '../server-context.ts';
import type { Metrics } from './metrics.ts';
import { cpuSeconds, machineBounds } from './process-figures.ts';

/** `loading` until the models that are loaded at the start are there, `draining` once the server ends. */
export type ServerState = 'loading' | 'ready' | 'failed' | 'draining';

/** Paths that answer without an API key: probes and scrapers have none. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics']);

/** Paths that are asked every few seconds; what succeeds there is not worth a line of the log. */
export const QUIET_PATHS: ReadonlySet<string> = new Set([...OPEN_PATHS, '/stats']);

/** Adds the routes. */
export function addOperationRoutes(
  app: Hono<ServerEnvironment>,
  { models, metrics, state }: { models: ModelRegistry; metrics: Metrics; state: () => ServerState },
): void {
  app.get('/health', (c) => c.json({ status: 'ok' }));
  app.get('/ready', (c) => {
    const status = state();
    return c.json({ status }, status === 'ready' ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }),
  );
  app.get('/stats', (c) =>
    c.json({
      state: state(),
      time: Date.now(),
      uptimeSeconds: Math.round(process.uptime()),
      cpuSeconds: cpuSeconds(),
      memory: process.memoryUsage(),
      machine: machineBounds(),
      totals: metrics.totals,
      models: models.list().map(statisticsOf),
    }),
  );
}

function statisticsOf({ id, loaded, expiresAt }: ReturnType<ModelRegistry['list']>[number]): unknown {
  if (loaded === undefined) return { id, loaded: false };
  const { model, scheduler } = loaded;
  return {
    id,
    loaded: true,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
    backend: model.backend,
    threads: model.threads,
    contextLength: model.contextLength,
    scheduler: scheduler.statistics,
    head: { form: model.engine.headKind, ...model.engine.headStatistics },
    lookup: model.engine.lookupCounters,
  };
}
