/** Replies as a `chat.completion` object, or as a stream of `chat.completion.chunk` objects. */
import type { Tokenizer } from '../../../../index.ts';
import { sse } from '../../../http/streamed-response.ts';
import type { Reply, ReplyEnd, ReplyEvent } from '../../../reply/reply.ts';
import type { AnswerHead } from '../answer.ts';
import { usageOf } from '../answer.ts';
import { DONE } from '../event-stream.ts';
import { interleave } from '../interleave.ts';
import { tokenScores } from '../token-scores.ts';
import type { ChatRequest } from './chat-request.ts';
import { collectReply } from './collected-reply.ts';

/** What an answer is written with. */
export interface ChatAnswer {
  readonly head: AnswerHead;
  readonly tokenizer: Tokenizer;
  readonly request: Pick<ChatRequest, 'withScores' | 'includesUsage'>;
  /** One for each choice. */
  readonly replies: readonly Reply[];
}

const FINISH_REASONS = {
  stop: 'stop',
  'stop-string': 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
} as const satisfies Record<ReplyEnd, string>;

/** The whole answer, when all replies have ended. */
export async function chatCompletion({ head, tokenizer, request, replies }: ChatAnswer): Promise<object> {
  const collected = await Promise.all(replies.map(collectReply));
  const choices = collected.map(({ text, toolCalls, scores }, index) => ({
    index,
    message: {
      role: 'assistant',
      content: text === '' && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(toolCalls.length === 0
        ? {}
        : {
            tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
              id,
              type: 'function',
              function: { name, arguments: text },
            })),
          }),
    },
    logprobs: request.withScores ? { content: tokenScores(tokenizer, scores), refusal: null } : null,
    finish_reason: FINISH_REASONS[replies[index]!.end ?? 'length'],
  }));
  const usage = usageOf([replies.map(({ progress }) => progress)]);
  return { ...head, object: 'chat.completion', choices, usage };
}

/** The answer as server-sent events. */
export async function* chatStream(answer: ChatAnswer): AsyncGenerator<string, void, undefined> {
  const { head, tokenizer, request, replies } = answer;
  const chunk = (choices: readonly object[], usage: object | null) =>
    sse({
      ...head,
      object: 'chat.completion.chunk',
      choices,
      ...(request.includesUsage ? { usage } : {}),
    });
  const choice = (
    index: number,
    delta: object,
    finish_reason: string | null,
    logprobs: object | null = null,
  ) => chunk([{ index, delta, logprobs, finish_reason }], null);
  for (const index of replies.keys()) yield choice(index, { role: 'assistant', content: '' }, null);
  for await (const { source, value } of interleave<ReplyEvent>(replies)) {
    if (value === undefined) {
      yield choice(source, {}, FINISH_REASONS[replies[source]!.end ?? 'length']);
      continue;
    }
    const scores =
      value.kind === 'text' && request.withScores ? tokenScores(tokenizer, value.scores ?? []) : [];
    if (value.kind === 'text' && value.text === '' && scores.length === 0) continue;
    yield choice(
      source,
      deltaOf(value),
      null,
      scores.length === 0 ? null : { content: scores, refusal: null },
    );
  }
  if (request.includesUsage) yield chunk([], usageOf([replies.map(({ progress }) => progress)]));
  yield DONE;
}

function deltaOf(event: ReplyEvent): object {
  switch (event.kind) {
    case 'text':
      return { content: event.text };
    case 'tool-call': {
      const { index, id, name } = event;
      return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
    }
    case 'tool-arguments':
      return { tool_calls: [{ index: event.index, function: { arguments: event.text } }] };
  }
}
