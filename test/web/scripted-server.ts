/**
 * The real server with a small model, except that its chat completions are scripted: tests decide what the model says, token
 * by token, with which probabilities, how slowly, and how it ends. Events are in the format of src/server/dialects/openai.
 * Pages, /v1/models and all else are the server's own.
 */
import { fileURLToPath } from 'node:url';
import { listen } from '#src/server/listen.js';
import { createServer, type ServerOptions } from '#src/server/server.js';

// This file runs as build/test/web/scripted-server.js.
const MODEL = fileURLToPath(new URL('../../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url));

/** A token as a script has it; a plain text is a token that was certain. */
export interface ScriptedToken {
  readonly text: string;
  /** Default 0: certain. */
  readonly logprob?: number;
  /** The most likely ones in its place, most likely first; default: itself alone. */
  readonly alternatives?: readonly { readonly text: string; readonly logprob: number }[];
}

/** One answer. */
export interface ScriptedReply {
  readonly tokens: readonly (string | ScriptedToken)[];
  /** Tokens in one event; default 1. */
  readonly tokensPerEvent?: number;
  /** Pause before each event; default 0. */
  readonly pauseMs?: number;
  /** Default `stop`. */
  readonly finishReason?: 'stop' | 'length';
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  /** After the tokens: an error within the stream, or a connection that breaks off. */
  readonly fault?: { readonly message: string } | 'broken';
  /** Instead of all that: an HTTP error. */
  readonly refusal?: { readonly status: number; readonly message: string; readonly code?: string };
}

/** What a page asked for. */
export interface AskedFor {
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly [parameter: string]: unknown;
  };
  /** The page gave up before the answer was complete. */
  isAborted: boolean;
}

/** See the file's header. */
export interface ScriptedServer {
  readonly origin: string;
  /** All requests for an answer so far. */
  readonly asked: readonly AskedFor[];
  /** The next answers, in their order; when there are none left, what was said last is said again. */
  say(...replies: readonly (string | ScriptedReply)[]): void;
  close(): Promise<void>;
}

/** Starts it on a free port. */
export async function startScriptedServer(options: Partial<ServerOptions> = {}): Promise<ScriptedServer> {
  const server = createServer({ models: [MODEL], preload: 'none', ...options });
  const asked: AskedFor[] = [];
  const queue: ScriptedReply[] = [];
  let last: ScriptedReply = { tokens: ['Nobody', ' told', ' me', ' what', ' to', ' say', '.'] };
  const listening = await listen(
    {
      ...server,
      fetch: async (request, environment) => {
        const isChat = request.method === 'POST' && new URL(request.url).pathname === '/v1/chat/completions';
        if (!isChat) return server.fetch(request, environment);
        const one: AskedFor = { body: (await request.json()) as AskedFor['body'], isAborted: false };
        asked.push(one);
        last = queue.shift() ?? last;
        return answer(last, one);
      },
    },
    { port: 0 },
  );
  return {
    origin: listening.urls[0]!,
    asked,
    say: (...replies) => {
      queue.push(...replies.map((reply) => (typeof reply === 'string' ? asReply(reply) : reply)));
    },
    close: () => listening.close(),
  };
}

/** A text as tokens of about a word each, spaces before them. */
function asReply(text: string): ScriptedReply {
  return { tokens: text.match(/\s*\S{1,24}|\s+/g) ?? [] };
}

function answer(reply: ScriptedReply, one: AskedFor): Response {
  if (reply.refusal !== undefined) {
    const { status, message, code = null } = reply.refusal;
    return Response.json(
      { error: { message, type: 'invalid_request_error', param: null, code } },
      { status },
    );
  }
  const events = eventsOf(reply, one.body);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { pauseMs = 0 } = reply;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (one.isAborted) return;
      const event = events.shift();
      if (event !== undefined) controller.enqueue(encoder.encode(`data: ${event}\n\n`));
      else if (reply.fault === 'broken') controller.error(new Error('broken off by the script'));
      else controller.close();
    },
    cancel() {
      one.isAborted = true;
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

function eventsOf(reply: ScriptedReply, { model, ...asked }: AskedFor['body']): string[] {
  const head = { id: 'chatcmpl-scripted', created: 1_700_000_000, model, system_fingerprint: 'fp_scripted' };
  const chunk = (choices: readonly object[], usage: object | null = null) =>
    JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, usage });
  const choice = (delta: object, finish_reason: string | null, logprobs: object | null = null) =>
    chunk([{ index: 0, delta, logprobs, finish_reason }]);
  const { tokens, tokensPerEvent = 1, finishReason = 'stop', promptTokens = 12, cachedTokens = 0 } = reply;
  const events = [choice({ role: 'assistant', content: '' }, null)];
  for (let from = 0; from < tokens.length; from += tokensPerEvent) {
    const some = tokens
      .slice(from, from + tokensPerEvent)
      .map((token) => (typeof token === 'string' ? { text: token } : token));
    const content = asked.logprobs === true ? some.map(scored) : undefined;
    const text = some.map((token) => token.text).join('');
    events.push(choice({ content: text }, null, content ? { content, refusal: null } : null));
  }
  if (reply.fault === 'broken') return events;
  if (reply.fault !== undefined) {
    const { message } = reply.fault;
    return [
      ...events,
      JSON.stringify({ error: { message, type: 'server_error', param: null, code: 'internal_error' } }),
    ];
  }
  events.push(choice({}, finishReason));
  events.push(
    chunk([], {
      prompt_tokens: promptTokens,
      completion_tokens: tokens.length,
      total_tokens: promptTokens + tokens.length,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    }),
    '[DONE]',
  );
  return events;
}

function scored({ text, logprob = 0, alternatives = [{ text, logprob }] }: ScriptedToken): object {
  const entry = (one: { text: string; logprob: number }) => ({
    token: one.text,
    logprob: one.logprob,
    bytes: [...new TextEncoder().encode(one.text)],
  });
  return { ...entry({ text, logprob }), top_logprobs: alternatives.map(entry) };
}
