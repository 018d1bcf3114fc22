/** A reply that has come to its end. */
import type { GeneratedToken } from '../../../../index.ts';
import type { Reply } from '../../../reply/reply.ts';
import type { ToolCall } from '../../../tools/tool-definition.ts';

/** What a reply came to. */
export interface CollectedReply {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly scores: readonly GeneratedToken[];
}

/** Waits for the whole of a reply. */
export async function collectReply(reply: Reply): Promise<CollectedReply> {
  let text = '';
  const calls: { id: string; name: string; arguments: string }[] = [];
  const scores: GeneratedToken[] = [];
  for await (const event of reply) {
    if (event.kind === 'text') {
      text += event.text;
      scores.push(...(event.scores ?? []));
    } else if (event.kind === 'tool-call') {
      calls[event.index] = { id: event.id, name: event.name, arguments: '' };
    } else {
      calls[event.index]!.arguments += event.text;
    }
  }
  return { text, toolCalls: calls, scores };
}
