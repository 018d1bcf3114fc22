/** `bitnet.ts/server`: models behind the HTTP APIs that tools already speak, as a function from Request to Response. */
import { Hono } from 'hono';
import { addOpenAiRoutes } from './dialects/openai/openai-routes.ts';
import type { ModelRegistry } from './models/served-model.ts';
import type { ServerEnvironment } from './server-context.ts';

/** What a server is made of. */
export interface ServerOptions {
  readonly models: ModelRegistry;
}

/** See the file's header. */
export interface BitnetServer {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/** A server; it opens no port, see listen.ts. */
export function createServer({ models }: ServerOptions): BitnetServer {
  const app = new Hono<ServerEnvironment>();
  app.use(async (c, next) => {
    c.set('requestId', crypto.randomUUID());
    c.set('signal', c.req.raw.signal);
    await next();
  });
  addOpenAiRoutes(app, { models });
  return { fetch: async (request) => app.fetch(request), close: () => models.dispose() };
}
