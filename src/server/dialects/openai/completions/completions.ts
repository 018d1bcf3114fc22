/** `POST /v1/completions`. */
import { streamText, type TextOptions } from '../../../../engine/serving/text-stream.ts';
import { readJson } from '../../../http/json-body.ts';
import { sse } from '../../../http/streamed-response.ts';
import type { ServerContext, ServerRequest } from '../../../server-context.ts';
import { withModel } from '../../leased.ts';
import { answerHead } from '../answer.ts';
import { eventStream } from '../event-stream.ts';
import { openAiError, openAiFailure, type ParametersByArea } from '../openai-error.ts';
import { completion, completionStream } from './completion-answer.ts';
import { type CompletionRequest, readCompletionRequest } from './completion-request.ts';

/** Where the errors of lower layers come from. */
export const COMPLETION_PARAMETERS: ParametersByArea = { prompt: 'prompt' };

/**
 * Answers a request.
 *
 * @throws as reading it, finding its model and beginning its texts
 */
export async function answerCompletion(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const request = readCompletionRequest(await readJson(c));
  return withModel(models, { name: request.model, signal: c.get('signal') }, async (leased) => {
    const { model, scheduler } = leased.served;
    const { tokenizer } = model;
    const options = textOptions(request, leased.signal);
    const continuations = request.prompts(tokenizer).map((prompt) => ({
      prompt,
      streams: request.sampling.map((sampling) =>
        streamText(scheduler, tokenizer, prompt.tokens, { ...options, ...sampling }),
      ),
    }));
    const answer = { head: answerHead('cmpl-', leased.served), tokenizer, request, continuations };
    if (!request.isStream) return c.json(await completion(answer));
    return eventStream(leased, completionStream(answer), (error) => [
      sse(openAiError(openAiFailure(error, COMPLETION_PARAMETERS))),
    ]);
  });
}

function textOptions(request: CompletionRequest, signal: AbortSignal): TextOptions {
  const { logprobs, echoes, stop, maxTokens, sampling, choiceCount } = request;
  const ranks = sampling.length > choiceCount;
  return {
    signal,
    stop,
    maxTokens,
    ...(logprobs === undefined && !ranks ? {} : { logprobs: logprobs ?? 0 }),
    ...(logprobs === undefined || !echoes ? {} : { promptLogprobs: logprobs }),
  };
}
