/** Continued texts as a `text_completion` object, or as a stream of them. */
import type { TextEvent, TextStream } from '../../../../engine/serving/text-stream.ts';
import type { Tokenizer } from '../../../../index.ts';
import { sse } from '../../../http/streamed-response.ts';
import type { AnswerHead } from '../answer.ts';
import { usageOf } from '../answer.ts';
import { DONE } from '../event-stream.ts';
import { interleave } from '../interleave.ts';
import type { CompletionRequest, Prompt } from './completion-request.ts';
import { appendScores, type CompletionScores, noScores, ScoreWriter } from './completion-scores.ts';

/** A prompt with the texts that go on from it. */
export interface Continuation {
  readonly prompt: Prompt;
  /** One for each candidate. */
  readonly streams: readonly TextStream[];
}

/** What an answer is written with. */
export interface CompletionAnswer {
  readonly head: AnswerHead;
  readonly tokenizer: Tokenizer;
  readonly request: Pick<CompletionRequest, 'choiceCount' | 'echoes' | 'logprobs' | 'includesUsage'>;
  readonly continuations: readonly Continuation[];
}

/** A part of one choice's text. */
interface Piece {
  readonly text: string;
  readonly scores: CompletionScores;
  /** Sum of the log-probabilities of generated tokens. */
  readonly logprob: number;
}

/** The whole answer, when all texts have ended: of each prompt, the candidates with the highest mean log-probability. */
export async function completion(answer: CompletionAnswer): Promise<object> {
  const { head, request, continuations } = answer;
  const prompts = await Promise.all(
    continuations.map(({ prompt, streams }) =>
      Promise.all(streams.map((stream) => collect(answer, prompt, stream))),
    ),
  );
  const choices = prompts.flatMap((candidates) => best(candidates, request.choiceCount));
  return {
    ...head,
    object: 'text_completion',
    choices: choices.map(({ text, scores, finish_reason }, index) => ({
      index,
      text,
      logprobs: request.logprobs === undefined ? null : scores,
      finish_reason,
    })),
    usage: usageOf(continuations.map(({ streams }) => streams.map(({ progress }) => progress))),
  };
}

/** The answer as server-sent events. */
export async function* completionStream(answer: CompletionAnswer): AsyncGenerator<string, void, undefined> {
  const { head, request, continuations } = answer;
  const chunk = (choices: readonly object[], usage: object | null) =>
    sse({ ...head, object: 'text_completion', choices, ...(request.includesUsage ? { usage } : {}) });
  const all = continuations.flatMap(({ prompt, streams }) => streams.map((stream) => ({ prompt, stream })));
  const pieces = all.map(({ prompt, stream }) => piecesOf(answer, prompt, stream));
  for await (const { source: index, value } of interleave(pieces)) {
    const finish_reason = value === undefined ? finishReason(all[index]!.stream) : null;
    const scores = value?.scores ?? noScores();
    if (value !== undefined && value.text === '' && scores.tokens.length === 0) continue;
    const logprobs = request.logprobs === undefined || scores.tokens.length === 0 ? null : scores;
    yield chunk([{ index, text: value?.text ?? '', logprobs, finish_reason }], null);
  }
  if (request.includesUsage) {
    yield chunk([], usageOf(continuations.map(({ streams }) => streams.map(({ progress }) => progress))));
  }
  yield DONE;
}

async function* piecesOf(
  { tokenizer, request }: CompletionAnswer,
  { tokens, text }: Prompt,
  stream: TextStream,
): AsyncGenerator<Piece, void, undefined> {
  const writer = new ScoreWriter(tokenizer);
  if (request.echoes && request.logprobs === undefined) yield { text, scores: noScores(), logprob: 0 };
  for await (const event of stream) {
    if (event.kind === 'prompt') yield { text, scores: writer.prompt(tokens, event.scores), logprob: 0 };
    else yield pieceOf(event, request.logprobs === undefined ? undefined : writer);
  }
}

function pieceOf({ text, score }: TextEvent & { kind: 'text' }, writer: ScoreWriter | undefined): Piece {
  const scores = score === undefined || writer === undefined ? noScores() : writer.token(score);
  return { text, scores, logprob: score?.logprob ?? 0 };
}

/** A text that has ended. */
interface Choice {
  readonly text: string;
  readonly scores: CompletionScores;
  readonly finish_reason: string;
  /** Log-probability per generated token. */
  readonly meanLogprob: number;
}

async function collect(answer: CompletionAnswer, prompt: Prompt, stream: TextStream): Promise<Choice> {
  const scores = noScores();
  let text = '';
  let logprob = 0;
  for await (const piece of piecesOf(answer, prompt, stream)) {
    text += piece.text;
    logprob += piece.logprob;
    appendScores(scores, piece.scores);
  }
  const meanLogprob = logprob / Math.max(1, stream.progress.generatedTokens);
  return { text, scores, finish_reason: finishReason(stream), meanLogprob };
}

function best(candidates: readonly Choice[], count: number): readonly Choice[] {
  if (candidates.length === count) return candidates;
  return [...candidates].sort((a, b) => b.meanLogprob - a.meanLogprob).slice(0, count);
}

const finishReason = ({ progress }: TextStream): string => (progress.end === 'stop' ? 'stop' : 'length');
