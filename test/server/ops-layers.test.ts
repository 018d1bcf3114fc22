/** HTTPS, spans and the network behind the server, with the certificate and the tracer of a test. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import { test } from 'node:test';
import { type Span, type SpanOptions, type Tracer, trace } from '@opentelemetry/api';
import { TEST_CERTIFICATE, TEST_KEY } from './test-certificate.js';
import { post, withServer } from './test-server.js';

test('HTTPS by PEM files', () =>
  withServer(
    {},
    async ({ url, port }) => {
      assert.ok(url.startsWith('https://127.0.0.1:'));
      const request = get({
        host: '127.0.0.1',
        port,
        path: '/health',
        ca: TEST_CERTIFICATE,
        servername: 'localhost',
      });
      const [response] = await once(request, 'response');
      assert.equal(response.statusCode, 200);
      response.resume();
      await once(response, 'end');
    },
    { tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } },
  ));

test('requests are spans where a tracer is registered', async () => {
  const spans: { name: string; attributes: Record<string, unknown>; isEnded: boolean }[] = [];
  const startSpan = (name: string, { attributes }: SpanOptions = {}) => {
    const span = { name, attributes: { ...attributes } as Record<string, unknown>, isEnded: false };
    spans.push(span);
    return {
      setAttributes: (more: object) => Object.assign(span.attributes, more),
      setStatus() {},
      spanContext: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 }),
      end() {
        span.isEnded = true;
      },
    } as unknown as Span;
  };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as unknown as Tracer });
  try {
    await withServer({}, async ({ url }) => {
      const body = { prompt: 'Once', max_tokens: 3, stream: true };
      await (await post(`${url}/test/generate`, body)).text();
      const span = spans.find(({ name }) => name === 'POST /test/generate');
      assert.equal(span?.isEnded, true);
      assert.equal(span?.attributes['http.response.status_code'], 200);
      assert.equal(span?.attributes['gen_ai.request.model'], 'tiny');
      assert.equal(span?.attributes['gen_ai.usage.output_tokens'], 3);
    });
  } finally {
    trace.disable();
  }
});
