/**
 * A model's reply to a conversation, as all dialects need it: a request in neutral terms becomes a prompt, a constraint
 * and a sequence; the text that comes is told apart into words and tool calls.
 */

import type { SequenceProgress } from '../../engine/serving/sequence.ts';
import { streamText } from '../../engine/serving/text-stream.ts';
import type { GeneratedToken, SamplingOptions } from '../../index.ts';
import type { OutputFormat } from '../constraint/constraint-compiler.ts';
import type { ServedModel } from '../models/served-model.ts';
import type { ToolCall, ToolChoice, ToolDefinition } from '../tools/tool-definition.ts';

/** A message of a conversation. */
export type ReplyMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly name?: string; readonly text: string };

/** What a dialect asks for. */
export interface ReplyRequest {
  readonly messages: readonly ReplyMessage[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  /** Whether more than one tool may be called. */
  readonly parallelToolCalls: boolean;
  readonly format: OutputFormat;
  readonly sampling: SamplingOptions;
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  /** Adds scores to text, with this many of the most likely tokens. */
  readonly logprobs?: number;
  readonly priority?: number;
  readonly signal: AbortSignal;
}

/** What happens in a reply. */
export type ReplyEvent =
  | { readonly kind: 'text'; readonly text: string; readonly scores?: readonly GeneratedToken[] }
  | { readonly kind: 'tool-call'; readonly index: number; readonly id: string; readonly name: string }
  /** More of the JSON text of a call's arguments. */
  | { readonly kind: 'tool-arguments'; readonly index: number; readonly text: string };

/** Why a reply ended. */
export type ReplyEnd = 'stop' | 'stop-string' | 'length' | 'tool-calls';

/** A reply under way. To be iterated once; leaving the loop early cancels it. */
export interface Reply extends AsyncIterable<ReplyEvent> {
  readonly progress: SequenceProgress;
  /** Undefined while it has not ended. */
  readonly end: ReplyEnd | undefined;
  readonly stopString: string | undefined;
}

/**
 * Begins a reply. What is wrong with a request is thrown here, before a status is sent.
 *
 * @throws ContextLengthExceeded; BitnetError `chat/…`, `template/…`, `schema/…`, `option/…`, `scheduler/full`; the signal's reason
 */
export async function startReply(served: ServedModel, request: ReplyRequest): Promise<Reply> {
  const prompt = replyTokens(served, request);
  const { format, tools, toolChoice, parallelToolCalls } = request;
  const constraint = await served.constraints.compile({ format, tools, toolChoice, parallelToolCalls });
  const stream = streamText(served.scheduler, served.model.tokenizer, prompt, {
    ...request.sampling,
    stop: request.stop,
    signal: request.signal,
    ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
    ...(request.logprobs === undefined ? {} : { logprobs: request.logprobs }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(constraint === undefined ? {} : { constraint }),
  });
  let end: ReplyEnd | undefined;
  async function* events(): AsyncGenerator<ReplyEvent, void, undefined> {
    for await (const event of stream) {
      if (event.kind === 'prompt') continue;
      yield { kind: 'text', text: event.text, ...(event.score && { scores: [event.score] }) };
    }
    if (stream.stopString !== undefined) end = 'stop-string';
    else end = stream.progress.end === 'stop' ? 'stop' : 'length';
  }
  const iterator = events();
  return {
    get progress() {
      return stream.progress;
    },
    get end() {
      return end;
    },
    get stopString() {
      return stream.stopString;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** The prompt of a conversation with tools, up to where the reply begins: for counting too. */
export function replyTokens(
  { model }: ServedModel,
  { messages }: Pick<ReplyRequest, 'messages' | 'tools' | 'toolChoice'>,
): readonly number[] {
  return model.encodeChat(messages.map(({ role, text }) => ({ role, content: text })));
}
