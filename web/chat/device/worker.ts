/**
 * The worker that runs models on this device. It has at most one model in memory; loading, replies and what changes files
 * take turns. An abort is heard between tokens, since the engine lets messages in between its steps.
 */
import { type DeviceFault, faultOf } from './device-fault.ts';
import type { InsideCall, InsideHandlers } from './inside-answers.ts';
import { LoadedModel } from './loaded-model.ts';
import { ModelFiles } from './model-files.ts';
import type { CallName, Handler, ToWorker } from './protocol.ts';
import { replyTo } from './reply.ts';
import { Turns } from './turns.ts';

const turns = new Turns();
const files = new ModelFiles();
const loaded = new LoadedModel(files);

const handlers: { readonly [Name in Exclude<CallName, InsideCall>]: Handler<Name> } = {
  models: () => files.list(loaded),
  load: (modelId, tell, signal) =>
    turns.take(signal, async () => {
      const { backend, threads, engine } = await loaded.get(modelId, tell, signal);
      return { backend, threads, areDetailsSlow: engine.headKind === 'fast' };
    }),
  reply: (request, tell, signal) => {
    const start = performance.now();
    return turns.take(signal, async () => {
      const model = await loaded.get(request.modelId, () => {}, signal);
      try {
        return await replyTo(model, loaded.totals, request, start, tell, signal);
      } catch (error) {
        await loaded.forgetIfBroken(error);
        throw error;
      }
    });
  },
  machine: async () => loaded.reading(turns),
  add: (file, tell, signal) => turns.take(signal, () => files.add(file, tell, signal)),
  remove: (modelId, _tell, signal) =>
    turns.take(signal, async () => {
      if (loaded.id === modelId) await loaded.unload();
      await files.remove(modelId);
      return undefined;
    }),
};
/** Loaded when it is first asked for. */
let inside: Promise<InsideHandlers> | undefined;

const underWay = new Map<number, AbortController>();

globalThis.addEventListener('message', ({ data }) => {
  const message = data as ToWorker;
  if (message.kind === 'start') files.page = message.page;
  else if (message.kind === 'abort') underWay.get(message.id)?.abort();
  else void answer(message);
});

async function answer({ id, name, asked }: Extract<ToWorker, { kind: 'call' }>): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  underWay.set(id, controller);
  try {
    const handle = await handlerOf(name);
    const tell = (news: unknown) => {
      if (!signal.aborted) globalThis.postMessage({ kind: 'news', id, news });
    };
    const given = await handle(asked, tell, signal);
    globalThis.postMessage({ kind: 'answer', id, answer: given });
  } catch (error) {
    // Nobody waits for a call that was aborted.
    const fault: DeviceFault = faultOf(error);
    if (!signal.aborted) globalThis.postMessage({ kind: 'failed', id, ...fault });
  } finally {
    underWay.delete(id);
  }
}

/** Any of the handlers, whose calls are told apart by their names alone. */
type AnyHandler = (asked: unknown, tell: (news: unknown) => void, signal: AbortSignal) => Promise<unknown>;

async function handlerOf(name: CallName): Promise<AnyHandler> {
  if (name in handlers) return handlers[name as keyof typeof handlers] as AnyHandler;
  inside ??= import('./inside-answers.ts').then(({ insideHandlers }) => insideHandlers(loaded, turns));
  return (await inside)[name as InsideCall] as AnyHandler;
}
