/** `POST /v1/chat/completions`. */
import { readJson } from '../../../http/json-body.ts';
import { sse } from '../../../http/streamed-response.ts';
import { type Reply, startReply } from '../../../reply/reply.ts';
import type { ServerContext, ServerRequest } from '../../../server-context.ts';
import { withModel } from '../../leased.ts';
import { answerHead } from '../answer.ts';
import { eventStream } from '../event-stream.ts';
import { openAiError, openAiFailure, type ParametersByArea } from '../openai-error.ts';
import { chatCompletion, chatStream } from './chat-answer.ts';
import { readChatRequest } from './chat-request.ts';

/** Where the errors of lower layers come from. */
export const CHAT_PARAMETERS: ParametersByArea = { prompt: 'messages', format: 'response_format' };

/**
 * Answers a request.
 *
 * @throws as reading it, finding its model and beginning its replies
 */
export async function answerChat(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const request = readChatRequest(await readJson(c));
  return withModel(models, { name: request.model, signal: c.get('signal') }, async (leased) => {
    const { served, signal } = leased;
    const replies: Reply[] = [];
    for (const choice of request.choices) replies.push(await startReply(served, { ...choice, signal }));
    const { tokenizer } = served.model;
    const answer = { head: answerHead('chatcmpl-', served), tokenizer, request, replies };
    if (!request.isStream) return c.json(await chatCompletion(answer));
    return eventStream(leased, chatStream(answer), (error) => [
      sse(openAiError(openAiFailure(error, CHAT_PARAMETERS))),
    ]);
  });
}
