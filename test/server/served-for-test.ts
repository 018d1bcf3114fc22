/** Models as a server has them and an app on a free port, for the servers of tests that bring their own registry. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Scheduler } from '#src/engine/serving/scheduler.js';
import type { Model } from '#src/index.js';
import { createConstraintCompiler } from '#src/server/constraint/xgrammar-constraints.js';
import type { ServedModel } from '#src/server/models/served-model.js';

/** A model with a scheduler of its own. */
export function servedOf(id: string, model: Model): ServedModel & { readonly scheduler: Scheduler } {
  return {
    id,
    created: 1_700_000_000,
    model,
    scheduler: new Scheduler(model.engine),
    constraints: createConstraintCompiler(model.tokenizer),
  };
}

/** Frees a model and all that {@link servedOf} made. */
export async function disposeServed({
  model,
  scheduler,
  constraints,
}: ReturnType<typeof servedOf>): Promise<void> {
  constraints.dispose();
  await scheduler.dispose();
  await model.dispose();
}

/** An app that listens. */
export interface ListeningApp {
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Makes an app listen on 127.0.0.1. */
export async function listenAnywhere({
  fetch,
}: {
  readonly fetch: Parameters<typeof serve>[0]['fetch'];
}): Promise<ListeningApp> {
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise<void>((resolve) => void server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await new Promise<unknown>((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
    },
  };
}
