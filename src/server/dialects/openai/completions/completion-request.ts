/** The body of `POST /v1/completions`: checked, with its prompts as tokens. */
import { z } from 'zod';
import type { SamplingOptions, Tokenizer } from '../../../../index.ts';
import { checkBody, invalidParameter, listOf, refused, tokenIds } from '../../body-check.ts';
import { neutralFields, samplingFields, samplingOf, stopsOf, streamFields } from '../sampling-parameters.ts';

/** A text to go on with. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** As it is echoed: without control tokens. */
  readonly text: string;
}

/** What is asked for. */
export interface CompletionRequest {
  readonly model: string | undefined;
  readonly isStream: boolean;
  /** Whether a stream ends with the counts of tokens. */
  readonly includesUsage: boolean;
  /** Choices that are answered for each prompt. */
  readonly choiceCount: number;
  /** How each of the choices that are generated for a prompt is drawn; as many as answered or more. */
  readonly sampling: readonly SamplingOptions[];
  /** Whether texts begin with their prompts. */
  readonly echoes: boolean;
  /** Of the most likely tokens, this many; undefined for no scores at all. */
  readonly logprobs: number | undefined;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  prompts(tokenizer: Tokenizer): Prompt[];
}

const MOST_CHOICES = 8;
const MOST_CANDIDATES = 16;
/** Of all prompts together. */
const MOST_SEQUENCES = 128;
/** The API's own default. */
const DEFAULT_MAX_TOKENS = 16;

const prompt = z.union(
  [z.string(), listOf(z.string(), { least: 1 }), tokenIds, listOf(tokenIds, { least: 1 })],
  'must be a text, a list of texts, a list of token ids or a list of such lists, none of them empty',
);

const completionBody = z.strictObject({
  ...samplingFields,
  ...neutralFields,
  ...streamFields,
  prompt,
  max_tokens: z.int().min(0).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  best_of: z.int().min(1).max(MOST_CANDIDATES).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
  suffix: refused('is not supported: this model continues text and cannot fill gaps; leave it out'),
});

/**
 * A body as a request.
 *
 * @throws RequestError 400, naming the parameter
 */
export function readCompletionRequest(json: unknown): CompletionRequest {
  const body = checkBody(completionBody, json);
  const isStream = body.stream === true;
  const choiceCount = body.n ?? 1;
  const candidates = body.best_of ?? choiceCount;
  if (!isStream && body.stream_options != null) {
    throw invalidParameter('stream_options', 'is only for streams; set stream to true or leave it out');
  }
  if (candidates < choiceCount)
    throw invalidParameter('best_of', `is ${candidates}, and must be at least n, ${choiceCount}`);
  if (isStream && candidates > choiceCount) {
    throw invalidParameter('best_of', 'cannot be streamed: the best are known when all have ended');
  }
  const given = promptsOf(body.prompt);
  if (given.length * candidates > MOST_SEQUENCES) {
    const asked = `asks for ${given.length * candidates} texts together with best_of or n`;
    throw invalidParameter('prompt', `${asked}, and may for ${MOST_SEQUENCES}; send several requests`);
  }
  return {
    model: body.model ?? undefined,
    isStream,
    includesUsage: body.stream_options?.include_usage === true,
    choiceCount,
    sampling: Array.from({ length: candidates }, (_, choice) => samplingOf(body, choice)),
    echoes: body.echo === true,
    logprobs: body.logprobs ?? undefined,
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    stop: stopsOf(body),
    prompts: (tokenizer) => given.map((each) => encoded(each, tokenizer)),
  };
}

function promptsOf(body: z.output<typeof prompt>): readonly (string | readonly number[])[] {
  if (typeof body === 'string') return [body];
  return typeof body[0] === 'number' ? [body as number[]] : (body as string[] | number[][]);
}

/** Texts get the model's beginning-of-text token; tokens are taken as they are. */
function encoded(given: string | readonly number[], tokenizer: Tokenizer): Prompt {
  if (typeof given === 'string') return { tokens: tokenizer.encode(given, { addEos: false }), text: given };
  return { tokens: given, text: tokenizer.decode(given, { skipSpecial: true }) };
}
