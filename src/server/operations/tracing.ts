/**
 * Spans of requests for OpenTelemetry, where the program that runs the server has its API installed and registered a tracer
 * (it is an optional peer dependency); elsewhere nothing happens.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
import { figuresOf, type RequestRecord } from './request-record.ts';

/** Runs the work on a request within a span. */
export interface Tracing {
  /** @returns what the work returns; `end` is to be called when the answer is out */
  run<T>(record: RequestRecord, headers: Headers, work: (end: EndSpan) => T): T;
}

/** Ends a span. */
export type EndSpan = (status: number, error?: unknown) => void;

const NO_TRACING: Tracing = { run: (_record, _headers, work) => work(() => {}) };

/** Tracing by the API of OpenTelemetry, if it can be imported. */
export async function loadTracing(): Promise<Tracing> {
  const api = await import('@opentelemetry/api').catch(() => undefined);
  if (api === undefined) return NO_TRACING;
  const tracer = api.trace.getTracer('bitnet.ts');
  return {
    run(record, headers, work) {
      const parent = api.propagation.extract(api.context.active(), headers, {
        get: (carrier, key) => carrier.get(key) ?? undefined,
        keys: (carrier) => [...carrier.keys()],
      });
      const attributes = {
        'http.request.method': record.method,
        'http.route': record.route,
        'bitnet.request.id': record.id,
      };
      const span = tracer.startSpan(
        `${record.method} ${record.route}`,
        { kind: api.SpanKind.SERVER, attributes },
        parent,
      );
      return api.context.with(api.trace.setSpan(parent, span), () =>
        work((status, error) => {
          span.setAttributes({ 'http.response.status_code': status, ...attributesOf(record) });
          if (status >= 500) {
            span.setStatus({
              code: api.SpanStatusCode.ERROR,
              ...(error instanceof Error && { message: error.message }),
            });
          }
          span.end();
        }),
      );
    },
  };
}

function attributesOf(record: RequestRecord): Record<string, string | number | string[]> {
  const figures = figuresOf(record);
  return {
    ...(record.model !== undefined && { 'gen_ai.request.model': record.model }),
    ...(figures && {
      'gen_ai.usage.input_tokens': figures.promptTokens,
      'gen_ai.usage.output_tokens': figures.generatedTokens,
      'gen_ai.response.finish_reasons': [figures.end],
    }),
  };
}
