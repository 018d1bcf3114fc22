/** `POST /v1/embeddings`: the final hidden states of texts as vectors of length 1. */
import { z } from 'zod';
import { normalise } from '../../../engine/embedding.ts';
import type { Tokenizer } from '../../../index.ts';
import { readJson } from '../../http/json-body.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';
import { checkBody, invalidParameter, listOf, tokenIds } from '../body-check.ts';
import { embedPrompts, MOST_INPUTS } from '../embedded-prompts.ts';
import { withModel } from '../leased.ts';
import type { ParametersByArea } from './openai-error.ts';
import { neutralFields } from './sampling-parameters.ts';

/** Where the errors of lower layers come from. */
export const EMBEDDING_PARAMETERS: ParametersByArea = { prompt: 'input' };

const embeddingBody = z.strictObject({
  model: neutralFields.model,
  user: neutralFields.user,
  input: z.union(
    [
      z.string().min(1),
      listOf(z.string().min(1), { least: 1, most: MOST_INPUTS }),
      tokenIds,
      listOf(tokenIds, { least: 1, most: MOST_INPUTS }),
    ],
    `must be a text, a list of up to ${MOST_INPUTS} texts, a list of token ids or a list of such lists, none of them empty`,
  ),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  pooling: z.enum(['last', 'mean']).nullish(),
});

type EmbeddingBody = z.output<typeof embeddingBody>;

/**
 * Answers a request.
 *
 * @throws RequestError 400; as finding the model and as Scheduler.embed
 */
export async function answerEmbeddings(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const body = checkBody(embeddingBody, await readJson(c));
  return withModel(models, { name: body.model, signal: c.get('signal') }, async ({ served, signal }) => {
    const { model } = served;
    checkDimensions(body, model.config.embeddingLength);
    const prompts = promptsOf(body.input, model.tokenizer);
    const vectors = await embedPrompts(served, prompts, signal, body.pooling ?? undefined);
    const tokens = prompts.reduce((sum, prompt) => sum + prompt.length, 0);
    return c.json({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: written(normalise(vector), body.encoding_format ?? 'float'),
      })),
      model: served.id,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    });
  });
}

function checkDimensions({ dimensions }: EmbeddingBody, length: number): void {
  if (dimensions == null || dimensions === length) return;
  const reason = `is ${dimensions}, and this model's vectors have ${length} dimensions and cannot be cut; leave it out`;
  throw invalidParameter('dimensions', reason);
}

function promptsOf(input: EmbeddingBody['input'], tokenizer: Tokenizer): readonly (readonly number[])[] {
  if (typeof input === 'string') return [tokenizer.encode(input)];
  if (typeof input[0] === 'number') return [input as number[]];
  return (input as (string | number[])[]).map((each) =>
    typeof each === 'string' ? tokenizer.encode(each) : each,
  );
}

/** Numbers, or their bytes as little-endian f32. */
function written(vector: Float32Array, format: 'float' | 'base64'): number[] | string {
  if (format === 'float') return [...vector];
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [i, value] of vector.entries()) view.setFloat32(i * 4, value, true);
  let binary = '';
  for (const byte of new Uint8Array(view.buffer)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
