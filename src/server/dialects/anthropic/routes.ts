/**
 * The Anthropic API: `POST /v1/messages`, as one message or as a stream of events, and `POST /v1/messages/count_tokens`.
 * No `anthropic-version` or `anthropic-beta` is asked for; the key is checked in front of all dialects.
 */
import type { SamplingOptions } from '../../../index.ts';
import { errorBody, errorResponse } from '../../http/error-response.ts';
import { failureOf } from '../../http/failure.ts';
import { readJson } from '../../http/json-body.ts';
import { streamedResponse } from '../../http/streamed-response.ts';
import { replyTokens, startReply } from '../../reply/reply.ts';
import type { AddRoutes, ServerContext, ServerRequest } from '../../server-context.ts';
import { checkBody } from '../body-check.ts';
import { DEFAULT_SAMPLING } from '../default-sampling.ts';
import { withModel } from '../leased.ts';
import { conversationOf } from './conversation.ts';
import { messageEvents, messageOf } from './message.ts';
import { countTokensParams, type MessagesParams, messagesParams } from './request-schema.ts';

/** The Anthropic API. */
export const addAnthropicRoutes: AddRoutes = (app, context) => {
  app.post('/v1/messages', (c) => answered(c, () => createMessage(c, context)));
  app.post('/v1/messages/count_tokens', (c) => answered(c, () => countTokens(c, context)));
};

async function answered(c: ServerRequest, answer: () => Promise<Response>): Promise<Response> {
  const requestId = c.get('requestId');
  try {
    const response = await answer();
    response.headers.set('request-id', requestId);
    return response;
  } catch (error) {
    return errorResponse(c.req.path, requestId, failureOf(error));
  }
}

async function createMessage(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const params = checkBody(messagesParams, await readJson(c));
  const conversation = conversationOf(params);
  return withModel(models, { name: params.model, signal: c.get('signal') }, async (leased) => {
    const reply = await startReply(leased.served, {
      ...conversation,
      sampling: samplingOf(params),
      maxTokens: params.max_tokens,
      stop: params.stop_sequences ?? [],
      signal: leased.signal,
    });
    const header = {
      id: `msg_${crypto.randomUUID().replaceAll('-', '')}`,
      model: params.model,
      wantsDiagnostics: params.diagnostics?.previous_message_id != null,
      wantsEdits: params.context_management != null,
    };
    if (params.stream !== true) return Response.json(await messageOf(reply, header));
    const bodyOf = (error: unknown) => errorBody(c.req.path, c.get('requestId'), failureOf(error));
    return streamedResponse('text/event-stream', leased.keep(messageEvents(reply, header, bodyOf)));
  });
}

function samplingOf({ temperature, top_p: topP, top_k: topK }: MessagesParams): SamplingOptions {
  return {
    ...DEFAULT_SAMPLING,
    temperature: temperature ?? 1,
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
  };
}

async function countTokens(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const params = checkBody(countTokensParams, await readJson(c));
  const conversation = conversationOf(params);
  return withModel(models, { name: params.model, signal: c.get('signal') }, async ({ served }) =>
    Response.json({ input_tokens: replyTokens(served, conversation).length }),
  );
}
