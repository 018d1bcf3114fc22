/** A server whose model says what a test wants: for clients' work on tool calls, which no tiny model makes on its own. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Model } from '#src/index.js';
import { chatCompletion, chatStream } from '#src/server/dialects/openai/chat/chat-answer.js';
import { readChatRequest } from '#src/server/dialects/openai/chat/chat-request.js';
import { ResponseAnswer } from '#src/server/dialects/openai/responses/response-answer.js';
import { readResponseRequest } from '#src/server/dialects/openai/responses/response-request.js';
import { scriptedReply, tokenizerOf } from '#src/server/dialects/openai/scripted-reply.test.js';
import { sse, streamedResponse } from '#src/server/http/streamed-response.js';
import type { Reply, ReplyEvent, ReplyRequest } from '#src/server/reply/reply.js';
import { listOf } from './openai-server.js';

/** What was asked for, without its signal. */
export type Asked = Omit<ReplyRequest, 'signal'>;

/** A server that listens. */
export interface ScriptedServer {
  readonly baseURL: string;
  /** All that was asked for, in order. */
  readonly asked: Asked[];
  close(): Promise<void>;
}

const TOKENIZER: Model['tokenizer'] = tokenizerOf(['a', '</s>']);
const HEAD = { id: 'answer_1', created: 1_700_000_000, model: 'scripted', system_fingerprint: 'fp_1' };

/** Starts a server that answers each request as `script` says. */
export async function startScripted(script: (asked: Asked) => Reply): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const app = new Hono();
  const reply = (request: Asked) => {
    asked.push(request);
    return script(request);
  };
  app.post('/v1/chat/completions', async (c) => {
    const request = readChatRequest(await c.req.json());
    const answer = { head: HEAD, tokenizer: TOKENIZER, request, replies: request.choices.map(reply) };
    if (request.isStream) return streamedResponse('text/event-stream', chatStream(answer));
    return c.json(await chatCompletion(answer));
  });
  app.post('/v1/responses', async (c) => {
    const request = readResponseRequest(await c.req.json());
    const answer = new ResponseAnswer(HEAD, request, TOKENIZER);
    const events = answer.events(reply(request.reply));
    if (!request.isStream) return c.json((await listOf(events)).at(-1)!.response as object);
    async function* written() {
      for await (const event of events) yield sse(event, event.type);
    }
    return streamedResponse('text/event-stream', written());
  });
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const listening = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(listening));
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    asked,
    close: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A reply that calls functions. */
export function calls(...functions: readonly { name: string; arguments: object }[]): Reply {
  const events = functions.flatMap(({ name, arguments: values }, index): ReplyEvent[] => [
    { kind: 'tool-call', index, id: `call_${index}_${name}`, name },
    ...pieces(JSON.stringify(values)).map((text) => ({ kind: 'tool-arguments' as const, index, text })),
  ]);
  return scriptedReply(events, 'tool-calls');
}

/** A reply in words. */
export function says(text: string): Reply {
  return scriptedReply(
    pieces(text).map((piece) => ({ kind: 'text' as const, text: piece })),
    'stop',
  );
}

const pieces = (text: string): string[] => text.match(/.{1,5}/gsu) ?? [];
