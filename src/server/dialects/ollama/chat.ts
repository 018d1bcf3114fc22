/** `POST /api/chat`: a conversation goes on, part by part or at once; without messages the model is only loaded. */

import { readJson } from '../../http/json-body.ts';
import type { ServedModel } from '../../models/served-model.ts';
import { type ReplyEvent, type ReplyRequest, replyTokens, startReply } from '../../reply/reply.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';
import { checkBody } from '../body-check.ts';
import { withModel } from '../leased.ts';
import {
  bytesIn,
  endingPart,
  type LogprobPart,
  lineResponse,
  linesOf,
  logprobsPart,
  type PartHeader,
  partHeader,
} from './answer-parts.ts';
import { findModel } from './catalogue/model-names.ts';
import { messagesOf, toolsOf } from './conversation.ts';
import { loadOnly } from './load-only.ts';
import { mostTokens, samplingOf, stopsOf } from './model-options.ts';
import { type ChatParams, chatParams, formatOf, logprobsOf } from './request-schema.ts';

/** A call in an answer. */
interface CallPart {
  readonly id: string;
  readonly function: { readonly index: number; readonly name: string; readonly arguments: unknown };
}

/** A part of an answer to a conversation. */
export interface ChatPart extends PartHeader {
  readonly message: {
    readonly role: 'assistant';
    readonly content: string;
    readonly tool_calls?: readonly CallPart[];
  };
  readonly logprobs?: readonly LogprobPart[];
  readonly done: boolean;
}

/** Answers a request. @throws RequestError; as finding the model and as startReply */
export async function chat(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const startedAt = performance.now();
  const params = checkBody(chatParams, await readJson(c));
  const { id } = findModel(models, params.model);
  const lease = { name: id, keepAliveSeconds: params.keep_alive, signal: c.get('signal') };
  if ((params.messages ?? []).length === 0) {
    return loadOnly(models, lease, params.model, { message: { role: 'assistant', content: '' } });
  }
  return withModel(models, lease, async (leased) => {
    const loadSeconds = (performance.now() - startedAt) / 1000;
    const reply = await startReply(leased.served, replyRequest(params, leased.served, leased.signal));
    const ending = () => endingPart(reply.progress, startedAt, loadSeconds);
    const bytesOf = bytesIn(leased.served.model.tokenizer);
    const parts = chatParts(reply, params.model, bytesOf, ending);
    if (params.stream === false) return Response.json(await wholeAnswer(parts));
    return lineResponse(leased.keep(linesOf(parts)));
  });
}

function replyRequest(params: ChatParams, served: ServedModel, signal: AbortSignal): ReplyRequest {
  const options = params.options ?? {};
  const { contextLength } = served.model;
  const prompt = {
    messages: messagesOf(params.messages ?? []),
    tools: toolsOf(params.tools ?? []),
    toolChoice: 'auto',
  } as const;
  const maxTokens = mostTokens(options, contextLength, () => replyTokens(served, prompt).length);
  const logprobs = logprobsOf(params);
  return {
    ...prompt,
    parallelToolCalls: true,
    format: formatOf(params),
    sampling: samplingOf(options, contextLength),
    stop: stopsOf(options),
    signal,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}

/**
 * A reply as parts: text as it comes, calls once their arguments are complete.
 *
 * @param ending the fields of the last part, asked for at the end
 * @throws as iterating the reply
 */
export async function* chatParts(
  reply: AsyncIterable<ReplyEvent>,
  model: string,
  bytesOf: (id: number) => Uint8Array,
  ending: () => Record<string, unknown>,
): AsyncGenerator<ChatPart, void, undefined> {
  let call: { readonly id: string; readonly name: string; readonly index: number; json: string } | undefined;
  function* finishCall(): Generator<ChatPart> {
    if (call === undefined) return;
    const { id, name, index, json } = call;
    call = undefined;
    const tool_calls = [{ id, function: { index, name, arguments: argumentsOf(json) } }];
    yield { ...partHeader(model), message: { role: 'assistant', content: '', tool_calls }, done: false };
  }
  for await (const event of reply) {
    if (event.kind === 'tool-arguments') call!.json += event.text;
    else if (event.kind === 'tool-call') {
      yield* finishCall();
      call = { id: event.id, name: event.name, index: event.index, json: '' };
    } else if (event.text !== '' || event.scores !== undefined) {
      yield* finishCall();
      yield {
        ...partHeader(model),
        message: { role: 'assistant', content: event.text },
        ...logprobsPart(event.scores, bytesOf),
        done: false,
      };
    }
  }
  yield* finishCall();
  yield { ...partHeader(model), message: { role: 'assistant', content: '' }, done: true, ...ending() };
}

/** The arguments of a call; those that a limit of tokens cut off are no JSON, and then there are none. */
function argumentsOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

/** All parts as one. @throws as iterating them */
export async function wholeAnswer(parts: AsyncIterable<ChatPart>): Promise<ChatPart> {
  let content = '';
  const calls: CallPart[] = [];
  const logprobs: LogprobPart[] = [];
  let last: ChatPart | undefined;
  for await (const part of parts) {
    content += part.message.content;
    calls.push(...(part.message.tool_calls ?? []));
    logprobs.push(...(part.logprobs ?? []));
    last = part;
  }
  return {
    ...last!,
    message: { role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) },
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}
