/** A server with the bundled model on a free port, for tests with real clients. */

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import type { Scheduler } from '#src/engine/serving/scheduler.js';
import { BitnetError, loadModel, type Model } from '#src/index.js';
import { type Changes, rewriteGguf, tinyTalesBytes } from '#src/model/loading/rewritten-model.test.js';
import type { ModelRegistry, ServedModel } from '#src/server/models/served-model.js';
import { createServer } from '#src/server/server.js';
import { disposeServed, listenAnywhere, servedOf } from './served-for-test.js';

/** The name that the model is served by; with a slash, as many have. */
export const MODEL_NAME = 'tests/tiny-tales';

const TEMPLATE =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';

/** A server that listens. */
export interface RunningServer {
  /** As clients want it, with `/v1`. */
  readonly baseURL: string;
  readonly model: Model;
  readonly scheduler: Scheduler;
  /** Models that requests hold at the moment. */
  readonly holds: () => number;
  close(): Promise<void>;
}

/** Starts a server. @param changes to the model's metadata */
export async function startServer(changes: Changes['metadata'] = {}): Promise<RunningServer> {
  const metadata = { 'tokenizer.chat_template': TEMPLATE, ...changes };
  const bytes = await rewriteGguf(tinyTalesBytes(), { metadata });
  const model = await loadModel(bytes, { threads: 0 });
  const served = servedOf(MODEL_NAME, model);
  const counts = { holds: 0 };
  const listening = await listenAnywhere(createServer({ models: registryOf(served, counts) }));
  return {
    baseURL: `${listening.url}/v1`,
    model,
    scheduler: served.scheduler,
    holds: () => counts.holds,
    close: async () => {
      await listening.close();
      await disposeServed(served);
    },
  };
}

function registryOf(served: ServedModel, counts: { holds: number }): ModelRegistry {
  const { id, created } = served;
  return {
    list: () => [
      { id, created, source: 'memory', fileBytes: undefined, loaded: served, expiresAt: undefined },
    ],
    acquire: async (name) => {
      if (name !== undefined && name !== id) {
        throw new BitnetError('server/unknown-model', `there is no model "${name}"; there is "${id}"`);
      }
      counts.holds++;
      return { served, release: () => void counts.holds-- };
    },
    unload: () => {},
    dispose: async () => {},
  };
}

/** All values of a stream. */
export async function listOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

/** The error that the official client throws for an answer. */
export async function failureOf(promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await promise.then(
    () => assert.fail('the request should have been refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OpenAI.APIError, String(error));
  return error;
}
