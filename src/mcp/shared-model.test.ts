import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ModelOrigin, SharedModel } from './shared-model.ts';

const NEVER = new Promise<ModelOrigin>(() => {});

test('a call waits for the model no longer than clients do, and says what to do', async () => {
  const shared = new SharedModel(NEVER, { label: '2b4t', patienceSeconds: 0.001 });
  await assert.rejects(shared.ready(new AbortController().signal), {
    code: 'mcp/loading',
    message: '2b4t is still being downloaded or loaded; call again in a minute',
  });
});

test('a call that is taken back while the model loads waits no more', async () => {
  const shared = new SharedModel(NEVER, { label: '2b4t' });
  const controller = new AbortController();
  const ready = shared.ready(controller.signal);
  const reason = new Error('taken back');
  controller.abort(reason);
  await assert.rejects(ready, reason);
  await assert.rejects(shared.ready(AbortSignal.abort(reason)), reason);
});

test('why loading failed is told to all who ask, whenever they do', async () => {
  const fault = new Error('no such file');
  const shared = new SharedModel(Promise.reject(fault), { label: '2b4t' });
  const { signal } = new AbortController();
  await assert.rejects(shared.ready(signal), fault);
  await assert.rejects(shared.ready(signal), fault);
  await shared.dispose();
});
