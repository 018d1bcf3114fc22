/** The layers in front of the dialects, over real HTTP: who may come in, what is answered, what is told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post, sendRaw, TINY_TALES, until, withServer } from './test-server.js';

const json = async (response: Response) => JSON.parse(await response.text());

test('health, readiness, statistics and metrics', () =>
  withServer({}, async ({ url }) => {
    assert.deepEqual(await json(await fetch(`${url}/health`)), { status: 'ok' });
    const ready = await fetch(`${url}/ready`);
    assert.equal(ready.status, 200);
    assert.deepEqual(await json(ready), { status: 'ready' });
    assert.equal((await fetch(`${url}/health`, { method: 'HEAD' })).status, 200);

    const answer = await json(await post(`${url}/test/generate`, { prompt: 'Once upon', max_tokens: 5 }));
    assert.equal(typeof answer.text, 'string');
    const before = Date.now();
    const stats = await json(await fetch(`${url}/stats`));
    assert.equal(stats.models[0].id, 'tiny');
    assert.equal(stats.models[0].scheduler.running, 0);
    assert.ok(stats.time >= before && stats.time <= Date.now());
    assert.ok(stats.cpuSeconds > 0);
    assert.ok(stats.machine.threads > 0 && stats.machine.memoryBytes >= stats.memory.rss);
    assert.ok(stats.models[0].scheduler.kvCacheBytes > 0);
    assert.equal(stats.totals.generatedTokens, 5);
    assert.ok(stats.totals.promptTokens > stats.totals.cachedTokens);

    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const line of [
      'vllm:num_requests_running{model_name="tiny"} 0',
      'vllm:num_requests_waiting{model_name="tiny"} 0',
      'vllm:kv_cache_usage_perc{model_name="tiny"} 0',
      'vllm:gpu_cache_usage_perc{model_name="tiny"} 0',
      'vllm:generation_tokens_total{model_name="tiny"} 5',
      'vllm:request_success_total{model_name="tiny",finished_reason="length"} 1',
      'vllm:time_to_first_token_seconds_count{model_name="tiny"} 1',
      'vllm:inter_token_latency_seconds_count{model_name="tiny"} 4',
      'vllm:e2e_request_latency_seconds_count{model_name="tiny"} 1',
      'http_requests_total{method="POST",route="/test/generate",status="200"} 1',
    ]) {
      assert.ok(metrics.includes(`${line}\n`), `${line}\n\n${metrics}`);
    }
    for (const name of [
      'bitnet:kv_cache_bytes\\{model_name="tiny"\\}',
      'process_cpu_seconds_total',
      'bitnet:machine_threads',
    ]) {
      assert.match(metrics, new RegExp(`^${name} [\\d.]*[1-9]`, 'm'));
    }
    assert.match(metrics, /vllm:prompt_tokens_total\{model_name="tiny"\} [1-9]/);
    assert.match(metrics, /vllm:prefix_cache_queries_total\{model_name="tiny"\} [1-9]/);
  }));

test('unknown paths and methods are refused in the shape of their dialect', () =>
  withServer({}, async ({ url }) => {
    const openai = await fetch(`${url}/v1/nothing`);
    assert.equal(openai.status, 404);
    assert.equal((await json(openai)).error.code, 'not_found');
    assert.equal((await json(await fetch(`${url}/v1/messages/nothing`))).type, 'error');
    assert.equal(typeof (await json(await fetch(`${url}/api/nothing`))).error, 'string');
    const method = await fetch(`${url}/test/echo`);
    assert.equal(method.status, 405);
    assert.equal(method.headers.get('allow'), 'POST');
  }));

test('an API key is asked for, but not of probes', () =>
  withServer({ apiKeys: ['first-key', 'second-key'] }, async ({ url }) => {
    const ask = (headers: Record<string, string>) => post(`${url}/test/echo`, { a: 1 }, { headers });
    const none = await ask({});
    assert.equal(none.status, 401);
    assert.equal(none.headers.get('www-authenticate'), 'Bearer');
    assert.match((await json(none)).error.message, /an API key is needed/);
    assert.equal((await ask({ authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await ask({ 'x-api-key': 'first-ke' })).status, 401);
    assert.equal((await ask({ authorization: 'Bearer first-key' })).status, 200);
    assert.equal((await ask({ 'x-api-key': 'second-key' })).status, 200);
    for (const path of ['health', 'ready', 'metrics'])
      assert.equal((await fetch(`${url}/${path}`)).status, 200);
    assert.equal((await fetch(`${url}/stats`)).status, 401);
  }));

test('foreign hosts and origins are refused, allowed ones get what browsers need', () =>
  withServer(
    { allowedHosts: ['llm.example.org'], allowedOrigins: ['https://chat.example.org'] },
    async ({ url, port }) => {
      const status = async (...headers: string[]) => {
        const text = await sendRaw(port, [
          `GET /health HTTP/1.1\r\nConnection: close\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`,
        ]);
        return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
      };
      for (const host of [
        'localhost',
        `127.0.0.1:${port}`,
        '[::1]:80',
        '10.1.2.3:8080',
        'llm.example.org:9',
      ]) {
        assert.equal(await status(`Host: ${host}`), 200, host);
      }
      for (const host of [
        'evil.example',
        'localhost.evil.example',
        '127.0.0.1.evil.example',
        'x@127.0.0.1',
        '',
      ]) {
        assert.ok([400, 403].includes(await status(`Host: ${host}`)), host);
      }
      assert.equal(await status('Host: localhost', 'Origin: http://evil.example'), 403);
      assert.equal(await status('Host: localhost', 'Origin: null'), 403);
      assert.equal(await status('Host: localhost', 'Origin: http://localhost:3000'), 200);

      const headers = { origin: 'https://chat.example.org' };
      const preflight = await fetch(`${url}/test/echo`, {
        method: 'OPTIONS',
        headers: {
          ...headers,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization, x-stainless-os',
        },
      });
      assert.equal(preflight.status, 204);
      assert.equal(preflight.headers.get('access-control-allow-origin'), headers.origin);
      assert.equal(preflight.headers.get('access-control-allow-headers'), 'authorization, x-stainless-os');
      const answer = await post(`${url}/test/echo`, { a: 1 }, { headers });
      assert.equal(answer.headers.get('access-control-allow-origin'), headers.origin);
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
      assert.equal(answer.headers.get('vary'), 'origin');
      // A page has to be able to read why it was refused.
      const failed = await post(`${url}/test/echo`, 'no json', { headers });
      assert.equal(failed.headers.get('access-control-allow-origin'), headers.origin);
    },
  ));

test('the log tells of requests, without their texts unless asked', async () => {
  const prompt = 'Once upon a time';
  const ask = { prompt, max_tokens: 4 };
  await withServer({}, async ({ url, log }) => {
    const response = await post(`${url}/test/generate`, ask, { headers: { 'x-request-id': 'own-number' } });
    assert.equal(response.headers.get('x-request-id'), 'own-number');
    await response.text();
    const entry = log.find(({ event }) => event === 'request');
    assert.equal(entry?.id, 'own-number');
    assert.deepEqual(
      [entry?.path, entry?.status, entry?.model, entry?.end, entry?.generated_tokens],
      ['/test/generate', 200, 'tiny', 'length', 4],
    );
    assert.equal(JSON.stringify(log).includes(prompt), false);
  });
  await withServer({ logPrompts: true }, async ({ url, log }) => {
    const { text } = await json(await post(`${url}/test/generate`, ask));
    const entry = log.find(({ event }) => event === 'request')?.texts as { prompt: string; reply: string }[];
    assert.ok(entry[0]!.prompt.includes(prompt));
    assert.equal(entry[0]!.reply.trim(), text.trim());
  });
});

test('work ends the moment the client goes, streamed or not', () =>
  withServer({}, async ({ url, log }) => {
    const ended = async (path: string) => {
      await until(() => log.some((entry) => entry.event === 'request' && entry.path === path));
      return log.find((entry) => entry.path === path);
    };
    const controller = new AbortController();
    const body = { prompt: 'a', max_tokens: 100, stream: true };
    const answer = await post(`${url}/test/generate`, body, { signal: controller.signal });
    const reader = answer.body!.getReader();
    await reader.read();
    controller.abort();
    await reader.read().catch(() => {});
    const streamed = await ended('/test/generate');
    assert.deepEqual([streamed?.status, streamed?.end], [499, 'cancelled']);

    const other = new AbortController();
    const whole = post(`${url}/test/slow`, { stream: false }, { signal: other.signal }).catch(() => {});
    // Two: the one that asks, and the one that is asked for.
    await until(async () => (await (await fetch(`${url}/metrics`)).text()).includes('in_flight 2\n'));
    other.abort();
    await whole;
    assert.equal((await ended('/test/slow'))?.status, 499);
    await until(async () => {
      const { models } = await json(await fetch(`${url}/stats`));
      return models[0].scheduler.running === 0 && models[0].scheduler.waiting === 0;
    });
  }));

test('a server that ends finishes streams and refuses new requests', () =>
  withServer({}, async ({ url, listening, server }) => {
    const answer = await post(`${url}/test/generate`, { prompt: 'a', max_tokens: 60, stream: true });
    const reader = answer.body!.getReader();
    await reader.read();
    const closing = listening.close(20);
    const refused = await server.fetch(new Request(`${url}/test/echo`, { method: 'POST', body: '{}' }));
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '5');
    assert.equal((await server.fetch(new Request(`${url}/ready`))).status, 503);
    assert.equal((await server.fetch(new Request(`${url}/health`))).status, 200);
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    assert.ok(text.endsWith('data: [DONE]\n\n'), text);
    await closing;
    await assert.rejects(fetch(`${url}/health`));
  }));

test('a model that cannot be loaded makes the server not ready, and says why', async () => {
  const { createServer } = await import('#src/server/server.js');
  const server = createServer({ models: ['/nothing/here.gguf'] });
  await assert.rejects(server.ready, { code: /^source\// });
  assert.deepEqual(await json(await server.fetch(new Request('http://localhost/ready'))), {
    status: 'failed',
  });
  await server.close();
});

test('tokens of models that were unloaded stay in the totals', () =>
  withServer(
    { models: ['a', 'b'].map((id) => ({ id, source: TINY_TALES })), maxLoaded: 1 },
    async ({ url }) => {
      const totals = async () => (await json(await fetch(`${url}/stats`))).totals;
      await post(`${url}/test/generate`, { prompt: 'Once upon', max_tokens: 5, model: 'a' });
      const first = await totals();
      await post(`${url}/test/generate`, { prompt: 'Once upon', max_tokens: 3, model: 'b' });
      const { models } = await json(await fetch(`${url}/stats`));
      assert.deepEqual(
        models.map((model: { loaded: boolean }) => model.loaded),
        [false, true],
      );
      assert.equal(first.generatedTokens, 5);
      assert.deepEqual(await totals(), {
        promptTokens: 2 * first.promptTokens,
        cachedTokens: 0,
        generatedTokens: 8,
      });
    },
  ));
