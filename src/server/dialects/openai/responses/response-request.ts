/** The body of `POST /v1/responses`: checked, and in neutral terms. */
import { z } from 'zod';
import type { OutputFormat } from '../../../constraint/constraint-compiler.ts';
import type { ReplyRequest } from '../../../reply/reply.ts';
import type { ToolChoice } from '../../../tools/tool-definition.ts';
import { checkBody, invalidParameter, listOf, refused } from '../../body-check.ts';
import { formatSchema, plainFormat, schemaFields, schemaFormat } from '../output-format.ts';
import { neutralFields, refusedFields, samplingFields, samplingOf, stopsOf } from '../sampling-parameters.ts';
import { functionFields, MOST_TOOLS, toolsOf } from '../tool-parameters.ts';
import { responseInput } from './response-input.ts';

/** What is asked for. */
export interface ResponseRequest {
  readonly model: string | undefined;
  readonly isStream: boolean;
  readonly withScores: boolean;
  readonly reply: Omit<ReplyRequest, 'signal'>;
  /** Parameters that the answer repeats. */
  readonly echoed: Readonly<Record<string, unknown>>;
}

const MOST_INCLUDED = 16;
const SCORES = 'message.output_text.logprobs';

const textFormat = formatSchema(z.strictObject({ type: z.literal('json_schema'), ...schemaFields }));

const tool = z.strictObject({
  type: z.literal('function', 'must be "function": this server has no tools of its own'),
  ...functionFields,
});

const toolChoice = z
  .union([
    z.enum(['auto', 'none', 'required']),
    z.strictObject({ type: z.literal('function'), name: z.string() }),
  ])
  .nullish();

const STATELESS = 'is not supported: this server keeps no answers; send the whole conversation as input';

const responseBody = z.strictObject({
  ...samplingFields,
  ...neutralFields,
  input: responseInput,
  instructions: z.string().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  text: z
    .strictObject({
      format: textFormat.nullish(),
      verbosity: refusedFields.verbosity,
    })
    .nullish(),
  tools: listOf(tool, { most: MOST_TOOLS }).nullish(),
  tool_choice: toolChoice,
  parallel_tool_calls: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  // There are no thoughts that could be included.
  include: listOf(z.enum([SCORES, 'reasoning.encrypted_content']), { most: MOST_INCLUDED }).nullish(),
  reasoning: z
    .strictObject({
      effort: refusedFields.reasoning_effort,
      summary: refused('is not supported: there are no thoughts to sum up'),
      generate_summary: refused('is not supported: there are no thoughts to sum up'),
    })
    .nullish(),
  truncation: z.literal('disabled', 'can only be "disabled": nothing is cut here; send less input').nullish(),
  stream_options: z
    .strictObject({
      include_obfuscation: z.literal(false, 'can only be false: streams are not padded').nullish(),
    })
    .nullish(),
  background: z.literal(false, 'can only be false: this server keeps no answers').nullish(),
  previous_response_id: refused(STATELESS),
  conversation: refused(STATELESS),
  prompt: refused('is not supported: this server keeps no prompts; send the text as input'),
  max_tool_calls: refused('is not supported: this server calls no tools itself'),
});

type ResponseBody = z.output<typeof responseBody>;

/**
 * A body as a request.
 *
 * @throws RequestError 400, naming the parameter
 */
export function readResponseRequest(json: unknown): ResponseRequest {
  const body = checkBody(responseBody, json);
  const tools = toolsOf(body.tools ?? []);
  const withScores = body.include?.includes(SCORES) === true;
  if (body.top_logprobs != null && !withScores) {
    throw invalidParameter('top_logprobs', `needs include to name "${SCORES}"`);
  }
  return {
    model: body.model ?? undefined,
    isStream: body.stream === true,
    withScores,
    reply: {
      messages: [
        ...(body.instructions == null ? [] : [{ role: 'system' as const, text: body.instructions }]),
        ...body.input,
      ],
      tools,
      toolChoice: choiceOf(body.tool_choice),
      parallelToolCalls: body.parallel_tool_calls ?? true,
      format: formatOf(body.text),
      sampling: samplingOf(body, 0),
      stop: stopsOf(body),
      ...(body.max_output_tokens == null ? {} : { maxTokens: body.max_output_tokens }),
      ...(withScores ? { logprobs: body.top_logprobs ?? 0 } : {}),
    },
    echoed: echoedOf(body),
  };
}

function choiceOf(choice: ResponseBody['tool_choice']): ToolChoice {
  if (choice == null) return 'auto';
  return typeof choice === 'object' ? { name: choice.name } : choice;
}

function formatOf(text: ResponseBody['text']): OutputFormat {
  const format = text?.format;
  if (format == null) return { kind: 'text' };
  return format.type === 'json_schema' ? schemaFormat(format) : plainFormat(format);
}

function echoedOf(body: ResponseBody): Record<string, unknown> {
  return {
    background: false,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    user: body.user ?? null,
  };
}
