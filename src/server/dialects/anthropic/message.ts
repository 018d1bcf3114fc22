/** Answers of `/v1/messages`: one message, or the events that make it up. */
import { sse } from '../../http/streamed-response.ts';
import type { Reply } from '../../reply/reply.ts';
import { contentBlocks } from './content-blocks.ts';
import { withPauses } from './pauses.ts';

/** What an answer says besides the reply. */
export interface MessageHeader {
  readonly id: string;
  readonly model: string;
  /** Whether the request asked why a cached prefix was not used; nobody here keeps that. */
  readonly wantsDiagnostics: boolean;
  /** Whether the request said how the conversation should be edited; nothing ever is. */
  readonly wantsEdits: boolean;
}

/** A client hears something at least this often, in seconds. */
const PING_SECONDS = 10;

/** The whole reply as a message. @throws as iterating it */
export async function messageOf(reply: Reply, header: MessageHeader): Promise<Record<string, unknown>> {
  const content: Record<string, unknown>[] = [];
  let json = '';
  for await (const event of contentBlocks(reply)) {
    const block = content[event.index];
    if (event.kind === 'start') {
      content.push({ ...event.block });
      json = '';
    } else if (event.kind === 'stop') {
      if (block?.type === 'tool_use') block.input = inputOf(json);
    } else if (event.delta.type === 'text_delta') block!.text = `${block!.text}${event.delta.text}`;
    else json += event.delta.partial_json;
  }
  return { ...emptyMessage(header), content, ...endOf(reply), usage: usageOf(reply) };
}

/** The arguments of a call; those that a limit of tokens cut off are no JSON, and then there are none. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

/**
 * The reply as server-sent events; a failure is the last of them.
 *
 * @param failed the data of that event
 */
export async function* messageEvents(
  reply: Reply,
  header: MessageHeader,
  failed: (error: unknown) => object,
  pingSeconds: number = PING_SECONDS,
): AsyncGenerator<string, void, undefined> {
  try {
    yield event({ type: 'message_start', message: { ...emptyMessage(header), usage: usageOf(reply) } });
    yield event({ type: 'ping' });
    for await (const part of withPauses(contentBlocks(reply), pingSeconds)) {
      if (part === undefined) yield event({ type: 'ping' });
      else if (part.kind === 'start') {
        yield event({ type: 'content_block_start', index: part.index, content_block: part.block });
      } else if (part.kind === 'stop') yield event({ type: 'content_block_stop', index: part.index });
      else yield event({ type: 'content_block_delta', index: part.index, delta: part.delta });
    }
    const { cache_creation, inference_geo, service_tier, speed, ...usage } = usageOf(reply);
    yield event({ type: 'message_delta', delta: { container: null, ...endOf(reply) }, usage });
    yield event({ type: 'message_stop' });
  } catch (error) {
    yield event({ type: 'error', ...failed(error) });
  }
}

function event<T extends { readonly type: string }>(data: T): string {
  return sse(data, data.type);
}

function emptyMessage({ id, model, wantsDiagnostics, wantsEdits }: MessageHeader): Record<string, unknown> {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: wantsDiagnostics ? { cache_miss_reason: { type: 'unavailable' } } : null,
    ...(wantsEdits ? { context_management: { applied_edits: [] } } : {}),
  };
}

/** Why the reply ended, in Anthropic's words. */
function endOf({ end, stopString, progress }: Reply): {
  stop_reason: string;
  stop_sequence: string | null;
  stop_details: null;
} {
  const reason = {
    stop: 'end_turn',
    'stop-string': 'stop_sequence',
    length: progress.end === 'context' ? 'model_context_window_exceeded' : 'max_tokens',
    'tool-calls': 'tool_use',
  }[end ?? 'stop'];
  return { stop_reason: reason, stop_sequence: stopString ?? null, stop_details: null };
}

/** Tokens so far. What the prefix cache had is not part of `input_tokens`, and needs no marks to get there. */
function usageOf({ progress }: Reply): Record<string, unknown> {
  const { promptTokens, cachedTokens, generatedTokens } = progress;
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    cache_creation: null,
    output_tokens: generatedTokens,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: null,
    speed: null,
  };
}
