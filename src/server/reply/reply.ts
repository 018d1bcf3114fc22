/**
 * A model's reply to a conversation, as all dialects need it: a request in neutral terms becomes a prompt, a constraint
 * and a sequence; the text that comes is told apart into words and tool calls.
 */

import { StopStrings } from '../../engine/generation/stop-strings.ts';
import type { SequenceProgress } from '../../engine/serving/sequence.ts';
import { streamText, type TextStream } from '../../engine/serving/text-stream.ts';
import type { GeneratedToken, SamplingOptions } from '../../index.ts';
import type { OutputFormat } from '../constraint/constraint-compiler.ts';
import type { ServedModel } from '../models/served-model.ts';
import { CallParser } from '../tools/call-parser.ts';
import { checkTools } from '../tools/check-tools.ts';
import type { ToolChoice, ToolDefinition } from '../tools/tool-definition.ts';
import { type ToolMessage, templateInput } from '../tools/tool-messages.ts';

/** A message of a conversation. */
export type ReplyMessage = ToolMessage;

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
 * @throws ContextLengthExceeded; BitnetError `chat/…`, `template/…`, `schema/…`, `regex/…`, `option/…`, `scheduler/full`;
 *   the signal's reason
 */
export async function startReply(served: ServedModel, request: ReplyRequest): Promise<Reply> {
  const prompt = replyTokens(served, request);
  const { format, tools, toolChoice, parallelToolCalls } = request;
  const hasTools = tools.length > 0 && toolChoice !== 'none';
  // With tools, stop strings are looked for in words alone: a call that holds one goes on.
  const stops = hasTools ? new StopStrings(request.stop) : undefined;
  const constraint = await served.constraints.compile({ format, tools, toolChoice, parallelToolCalls });
  if (request.signal.aborted) {
    constraint?.dispose();
    throw request.signal.reason;
  }
  // From here on the constraint is the stream's to dispose of, also where it cannot begin.
  const stream = streamText(served.scheduler, served.model.tokenizer, prompt, {
    ...request.sampling,
    stop: hasTools ? [] : request.stop,
    signal: request.signal,
    ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
    ...(request.logprobs === undefined ? {} : { logprobs: request.logprobs }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(constraint === undefined ? {} : { constraint }),
  });
  return new StreamedReply(stream, stops);
}

/** A text stream as a reply; with stop strings of its own where calls of tools are told apart. */
class StreamedReply implements Reply {
  readonly #stream: TextStream;
  readonly #stops: StopStrings | undefined;
  readonly #parser = new CallParser();
  readonly #events: AsyncGenerator<ReplyEvent, void, undefined>;
  #end: ReplyEnd | undefined;

  constructor(stream: TextStream, stops: StopStrings | undefined) {
    this.#stream = stream;
    this.#stops = stops;
    this.#events = stops === undefined ? this.#words() : this.#wordsAndCalls(stops);
  }

  get progress(): SequenceProgress {
    const { progress } = this.#stream;
    return this.#stops?.found === undefined ? progress : { ...progress, end: 'stop' };
  }

  get end(): ReplyEnd | undefined {
    return this.#end;
  }

  get stopString(): string | undefined {
    return this.#stops?.found ?? this.#stream.stopString;
  }

  [Symbol.asyncIterator](): AsyncIterator<ReplyEvent> {
    return this.#events;
  }

  async *#words(): AsyncGenerator<ReplyEvent, void, undefined> {
    for await (const event of this.#stream) {
      if (event.kind === 'prompt') continue;
      yield { kind: 'text', text: event.text, ...(event.score && { scores: [event.score] }) };
    }
    this.#finish();
  }

  async *#wordsAndCalls(stops: StopStrings): AsyncGenerator<ReplyEvent, void, undefined> {
    /** Of tokens whose text is held back. */
    let scores: GeneratedToken[] = [];
    const parser = this.#parser;
    for await (const event of this.#stream) {
      if (event.kind === 'prompt') continue;
      if (event.score !== undefined && !parser.isWithinCall) scores.push(event.score);
      for (const part of parser.push(event.text)) {
        if (part.kind !== 'text') {
          const before = stops.flush();
          if (before !== '') yield { kind: 'text', text: before };
          if (stops.found !== undefined) break;
          scores = [];
          yield part;
          continue;
        }
        const text = stops.push(part.text);
        if (text === '') continue;
        yield { kind: 'text', text, ...(scores.length === 0 ? {} : { scores }) };
        scores = [];
      }
      // Leaving the loop cancels the sequence.
      if (stops.found !== undefined) break;
    }
    if (stops.found === undefined) {
      const rest = parser.flush().map((part) => (part.kind === 'text' ? stops.push(part.text) : ''));
      const text = rest.join('') + stops.flush();
      // Behind a call, what is left may be its closing tag and blanks alone.
      if (text !== '' || (scores.length > 0 && parser.calls === 0)) {
        yield { kind: 'text', text, ...(scores.length === 0 ? {} : { scores }) };
      }
    }
    this.#finish();
  }

  #finish(): void {
    const isStopped = this.#stream.progress.end === 'stop';
    if (this.stopString !== undefined) this.#end = 'stop-string';
    else if (!isStopped) this.#end = 'length';
    else this.#end = this.#parser.calls > 0 ? 'tool-calls' : 'stop';
  }
}

/**
 * The prompt of a conversation with tools, up to where the reply begins: for counting too.
 *
 * @throws BitnetError `chat/…`, `template/…`, `option/tools`, `option/tool-choice`
 */
export function replyTokens(
  { model }: ServedModel,
  { messages, tools, toolChoice }: Pick<ReplyRequest, 'messages' | 'tools' | 'toolChoice'>,
): readonly number[] {
  checkTools(tools, toolChoice);
  const input = templateInput(model.chatTemplate ?? '', messages, tools, toolChoice);
  return model.encodeChat(input.messages, input.tools === undefined ? {} : { tools: input.tools });
}
