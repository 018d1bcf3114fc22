/** `POST /api/embed`, and `POST /api/embeddings` as older clients have it: texts as vectors. */
import { z } from 'zod';
import { normalise } from '../../../engine/embedding.ts';
import { readJson } from '../../http/json-body.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';
import { checkBody, invalidParameter, listOf } from '../body-check.ts';
import { embedPrompts, MOST_INPUTS } from '../embedded-prompts.ts';
import { withModel } from '../leased.ts';
import { nanoseconds } from './answer-parts.ts';
import { findModel } from './catalogue/model-names.ts';
import { keepAlive } from './keep-alive.ts';
import { type ModelOptions, modelOptions } from './model-options.ts';

interface EmbedParams {
  readonly model: string;
  readonly input: string | readonly string[];
  readonly truncate?: boolean | undefined;
  readonly dimensions?: number | undefined;
  readonly keep_alive?: number | undefined;
  readonly options?: ModelOptions | null | undefined;
}

interface EmbeddingsParams {
  readonly model: string;
  readonly prompt: string;
  readonly keep_alive?: number | undefined;
  readonly options?: ModelOptions | null | undefined;
}

const shared = {
  model: z.string().min(1),
  keep_alive: keepAlive,
  options: modelOptions.nullable().optional(),
};

const embedParams: z.ZodType<EmbedParams> = z.strictObject({
  ...shared,
  input: z.union([z.string(), listOf(z.string(), { most: MOST_INPUTS })]),
  truncate: z.boolean().optional(),
  dimensions: z.int().min(1).optional(),
});

const embeddingsParams: z.ZodType<EmbeddingsParams> = z.strictObject({ ...shared, prompt: z.string() });

/** Vectors of length 1. @throws RequestError 400; as finding the model and as Scheduler.embed */
export async function embed(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const startedAt = performance.now();
  const params = checkBody(embedParams, await readJson(c));
  const { id } = findModel(models, params.model);
  const lease = { name: id, keepAliveSeconds: params.keep_alive, signal: c.get('signal') };
  return withModel(models, lease, async ({ served, signal }) => {
    const loadSeconds = (performance.now() - startedAt) / 1000;
    const { embeddingLength } = served.model.config;
    if ((params.dimensions ?? embeddingLength) !== embeddingLength) {
      throw invalidParameter(
        'dimensions',
        `is ${params.dimensions}, and this model's vectors have ${embeddingLength} dimensions and cannot be cut; leave it out`,
      );
    }
    const texts =
      typeof params.input === 'string' ? [params.input].filter((text) => text !== '') : params.input;
    const prompts = texts
      .map((text) => served.model.tokenizer.encode(text))
      .map((prompt) => (params.truncate === true ? prompt.slice(0, served.model.contextLength) : prompt));
    const vectors = await embedPrompts(served, prompts, signal);
    return Response.json({
      model: params.model,
      embeddings: vectors.map((vector) => [...normalise(vector)]),
      total_duration: nanoseconds((performance.now() - startedAt) / 1000),
      load_duration: nanoseconds(loadSeconds),
      prompt_eval_count: prompts.reduce((sum, { length }) => sum + length, 0),
    });
  });
}

/** One vector as the model gives it. @throws as {@link embed} */
export async function embedOne(c: ServerRequest, { models }: ServerContext): Promise<Response> {
  const params = checkBody(embeddingsParams, await readJson(c));
  const { id } = findModel(models, params.model);
  const lease = { name: id, keepAliveSeconds: params.keep_alive, signal: c.get('signal') };
  return withModel(models, lease, async ({ served, signal }) => {
    const prompts = params.prompt === '' ? [] : [served.model.tokenizer.encode(params.prompt)];
    const [vector = new Float32Array()] = await embedPrompts(served, prompts, signal);
    return Response.json({ embedding: [...vector] });
  });
}
