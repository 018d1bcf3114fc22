/** The body of `POST /v1/chat/completions`: checked, and in neutral terms. */
import { z } from 'zod';
import type { OutputFormat } from '../../../constraint/constraint-compiler.ts';
import type { ReplyRequest } from '../../../reply/reply.ts';
import type { ToolChoice } from '../../../tools/tool-definition.ts';
import { checkBody, invalidParameter, listOf, refused } from '../../body-check.ts';
import { formatSchema, plainFormat, schemaFields, schemaFormat } from '../output-format.ts';
import {
  neutralFields,
  refusedFields,
  samplingFields,
  samplingOf,
  stopsOf,
  streamFields,
} from '../sampling-parameters.ts';
import { functionFields, MOST_TOOLS, toolsOf } from '../tool-parameters.ts';
import { chatMessages } from './chat-messages.ts';

/** What is asked for. */
export interface ChatRequest {
  readonly model: string | undefined;
  readonly isStream: boolean;
  /** Whether a stream ends with the counts of tokens. */
  readonly includesUsage: boolean;
  readonly withScores: boolean;
  /** One for each choice; they differ in their seeds. */
  readonly choices: readonly Omit<ReplyRequest, 'signal'>[];
}

const MOST_CHOICES = 8;

const responseFormat = formatSchema(
  z.strictObject({ type: z.literal('json_schema'), json_schema: z.strictObject(schemaFields) }),
);

const tool = z.strictObject({
  type: z.literal('function', 'must be "function": this server has no tools of its own'),
  function: z.strictObject(functionFields),
});

const toolChoice = z
  .union([
    z.enum(['auto', 'none', 'required']),
    z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string() }) }),
  ])
  .nullish();

const chatBody = z.strictObject({
  ...samplingFields,
  ...neutralFields,
  ...streamFields,
  ...refusedFields,
  messages: chatMessages,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  response_format: responseFormat.nullish(),
  tools: listOf(tool, { most: MOST_TOOLS }).nullish(),
  tool_choice: toolChoice,
  parallel_tool_calls: z.boolean().nullish(),
  modalities: listOf(z.literal('text', 'must be "text": this model writes nothing else')).nullish(),
  audio: refused('is not supported: this model does not speak'),
  functions: refused('is not supported; use tools'),
  function_call: refused('is not supported; use tool_choice'),
  prediction: refused('is not supported; leave it out, and repeated text is looked up anyway'),
  web_search_options: refused('is not supported: this server does not search; offer a tool that does'),
});

type ChatBody = z.output<typeof chatBody>;

/**
 * A body as a request.
 *
 * @throws RequestError 400, naming the parameter
 */
export function readChatRequest(json: unknown): ChatRequest {
  const body = checkBody(chatBody, json);
  const isStream = body.stream === true;
  if (!isStream && body.stream_options != null) {
    throw invalidParameter('stream_options', 'is only for streams; set stream to true or leave it out');
  }
  if (body.logprobs !== true && body.top_logprobs != null) {
    throw invalidParameter('top_logprobs', 'needs logprobs to be true');
  }
  return {
    model: body.model ?? undefined,
    isStream,
    includesUsage: body.stream_options?.include_usage === true,
    withScores: body.logprobs === true,
    choices: choicesOf(body),
  };
}

function choicesOf(body: ChatBody): Omit<ReplyRequest, 'signal'>[] {
  const tools = toolsOf((body.tools ?? []).map((each) => each.function));
  const maxTokens = maxTokensOf(body);
  const shared = {
    messages: body.messages,
    tools,
    toolChoice: choiceOf(body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    format: formatOf(body.response_format),
    stop: stopsOf(body),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(body.logprobs === true ? { logprobs: body.top_logprobs ?? 0 } : {}),
  };
  return Array.from({ length: body.n ?? 1 }, (_, choice) => ({
    ...shared,
    sampling: samplingOf(body, choice),
  }));
}

function maxTokensOf({ max_tokens: old, max_completion_tokens: most }: ChatBody): number | undefined {
  if (old != null && most != null && old !== most) {
    throw invalidParameter(
      'max_tokens',
      'is an older name of max_completion_tokens, which says otherwise; send one',
    );
  }
  return most ?? old ?? undefined;
}

function choiceOf(choice: ChatBody['tool_choice']): ToolChoice {
  if (choice == null) return 'auto';
  return typeof choice === 'object' ? choice.function : choice;
}

function formatOf(format: ChatBody['response_format']): OutputFormat {
  if (format == null) return { kind: 'text' };
  return format.type === 'json_schema' ? schemaFormat(format.json_schema) : plainFormat(format);
}
