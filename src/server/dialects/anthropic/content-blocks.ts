/**
 * A reply as content blocks, which is what both forms of an Anthropic answer are made of: blocks begin, grow and end one
 * after the other, text between calls of tools.
 */
import type { Reply } from '../../reply/reply.ts';

/** A block as it begins. */
export type EmptyBlock =
  | { readonly type: 'text'; readonly text: ''; readonly citations: null }
  | {
      readonly type: 'tool_use';
      readonly id: string;
      readonly name: string;
      readonly input: Readonly<Record<string, never>>;
      readonly caller: { readonly type: 'direct' };
    };

/** More of a block. */
export type BlockDelta =
  | { readonly type: 'text_delta'; readonly text: string }
  | { readonly type: 'input_json_delta'; readonly partial_json: string };

/** What happens to blocks, in order: a block ends before the next one begins. */
export type BlockEvent =
  | { readonly kind: 'start'; readonly index: number; readonly block: EmptyBlock }
  | { readonly kind: 'delta'; readonly index: number; readonly delta: BlockDelta }
  | { readonly kind: 'stop'; readonly index: number };

/** The blocks of a reply. @throws as iterating it */
export async function* contentBlocks(reply: Reply): AsyncGenerator<BlockEvent, void, undefined> {
  let index = -1;
  /** What the block under way is: text, or the call of this index. */
  let open: 'text' | number | undefined;
  function* begin(kind: 'text' | number, block: EmptyBlock): Generator<BlockEvent> {
    if (open !== undefined) yield { kind: 'stop', index };
    open = kind;
    yield { kind: 'start', index: ++index, block };
  }
  for await (const event of reply) {
    if (event.kind === 'tool-call') {
      const { id, name } = event;
      yield* begin(event.index, { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } });
    } else if (event.kind === 'tool-arguments') {
      yield { kind: 'delta', index, delta: { type: 'input_json_delta', partial_json: event.text } };
    } else if (event.text !== '') {
      if (open !== 'text') yield* begin('text', { type: 'text', text: '', citations: null });
      yield { kind: 'delta', index, delta: { type: 'text_delta', text: event.text } };
    }
  }
  if (open !== undefined) yield { kind: 'stop', index };
}
