/** `POST /v1/responses`, without any state: nothing is kept, and every request brings the whole conversation. */
import { readJson } from '../../../http/json-body.ts';
import { sse } from '../../../http/streamed-response.ts';
import { startReply } from '../../../reply/reply.ts';
import type { ServerContext, ServerRequest } from '../../../server-context.ts';
import { withModel } from '../../leased.ts';
import { answerHead } from '../answer.ts';
import { eventStream } from '../event-stream.ts';
import { openAiFailure, type ParametersByArea } from '../openai-error.ts';
import { type NumberedEvent, ResponseAnswer } from './response-answer.ts';
import { readResponseRequest } from './response-request.ts';

/** Where the errors of lower layers come from. */
export const RESPONSE_PARAMETERS: ParametersByArea = { prompt: 'input', format: 'text.format' };

/**
 * Answers a request.
 *
 * @throws as reading it, finding its model and beginning its reply
 */
export async function answerResponses(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const request = readResponseRequest(await readJson(c));
  return withModel(models, { name: request.model, signal: c.get('signal') }, async (leased) => {
    const { served, signal } = leased;
    const reply = await startReply(served, { ...request.reply, signal });
    const answer = new ResponseAnswer(answerHead('resp_', served), request, served.model.tokenizer);
    const events = answer.events(reply);
    if (!request.isStream) return c.json((await lastOf(events)).response as object);
    return eventStream(leased, written(events), (error) => [
      eventText(answer.failed(openAiFailure(error, RESPONSE_PARAMETERS))),
    ]);
  });
}

async function lastOf(events: AsyncIterable<NumberedEvent>): Promise<NumberedEvent> {
  let last: NumberedEvent | undefined;
  for await (const event of events) last = event;
  return last!;
}

async function* written(events: AsyncIterable<NumberedEvent>): AsyncGenerator<string, void, undefined> {
  for await (const event of events) yield eventText(event);
}

const eventText = (event: NumberedEvent): string => sse(event, event.type);
