/** `/api/tags`, `/api/show` and `/api/ps`: which models there are, what they are, and which of them are loaded. */
import { z } from 'zod';
import { readJson } from '../../../http/json-body.ts';
import type { ModelDescription } from '../../../models/served-model.ts';
import type { ServerContext, ServerRequest } from '../../../server-context.ts';
import { checkBody, invalidParameter, refused } from '../../body-check.ts';
import { modelOptions } from '../model-options.ts';
import type { ModelFacts, ModelFactsReader } from './model-facts.ts';
import { findModel } from './model-names.ts';

/** When a model expires that never does: clients want a date. */
const NEVER = new Date('2300-01-01T00:00:00Z');

/** All models of the server, in its own order. */
export async function listModels({ models }: ServerContext, reader: ModelFactsReader): Promise<Response> {
  const list = models.list().map(async (description) => ({
    ...(await summaryOf(description, reader)),
    modified_at: dateOf(description.created),
    size: description.fileBytes ?? 0,
  }));
  return Response.json({ models: await Promise.all(list) });
}

/** Models that are loaded. */
export async function listLoaded({ models }: ServerContext, reader: ModelFactsReader): Promise<Response> {
  const loaded = models.list().filter((description) => description.loaded !== undefined);
  const list = loaded.map(async (description) => {
    const { engine, contextLength } = description.loaded!.model;
    return {
      ...(await summaryOf(description, reader)),
      size: engine.usedBytes,
      size_vram: 0,
      expires_at: (description.expiresAt === undefined
        ? NEVER
        : new Date(description.expiresAt)
      ).toISOString(),
      context_length: contextLength,
    };
  });
  return Response.json({ models: await Promise.all(list) });
}

/** Of a request for one model; `name` is what older clients write. */
const showParams: z.ZodType<{ readonly model?: string | undefined; readonly name?: string | undefined }> =
  z.strictObject({
    model: z.string().min(1).optional(),
    name: z.string().min(1).optional(),
    verbose: z
      .literal(false, { error: 'must be false: whole vocabularies are not shown; leave it out' })
      .optional(),
    options: modelOptions.optional(),
    system: refused('is not supported: models here have no system prompt of their own; leave it out'),
    template: refused('is not supported: models keep the template of their file; leave it out'),
  });

/** One model. @throws RequestError 400, 404 */
export async function showModel(
  c: ServerRequest,
  { models }: ServerContext,
  reader: ModelFactsReader,
): Promise<Response> {
  const { model, name = model } = checkBody(showParams, await readJson(c));
  if (name === undefined)
    throw invalidParameter('model', 'is missing; GET /api/tags lists the models that are served');
  const description = findModel(models, name);
  const facts = await knownFacts(description, reader);
  const template = facts === undefined ? description.loaded?.model.chatTemplate : facts.template;
  return Response.json({
    license: '',
    modelfile: '',
    parameters: '',
    template: template ?? '',
    system: '',
    details: detailsOf(description, facts),
    model_info: infoOf(description, facts),
    capabilities: ['completion', ...(template === undefined ? [] : ['tools']), 'embedding'],
    modified_at: dateOf(description.created),
  });
}

async function summaryOf(
  description: ModelDescription,
  reader: ModelFactsReader,
): Promise<Record<string, unknown>> {
  const facts = await knownFacts(description, reader);
  // The file is never read as a whole, so there is no digest of it.
  return { name: description.id, model: description.id, digest: '', details: detailsOf(description, facts) };
}

/** A list is worth having even where a file has gone. */
async function knownFacts(
  description: ModelDescription,
  reader: ModelFactsReader,
): Promise<ModelFacts | undefined> {
  try {
    return await reader.factsOf(description);
  } catch {
    return undefined;
  }
}

/** Empty where it is not known. */
function detailsOf({ loaded }: ModelDescription, facts: ModelFacts | undefined): Record<string, unknown> {
  const family = (facts?.config ?? loaded?.model.config)?.architecture;
  return {
    parent_model: '',
    format: facts?.format ?? '',
    family: family ?? '',
    families: family === undefined ? [] : [family],
    parameter_size: facts === undefined ? '' : roundedCount(facts.parameters),
    quantization_level: facts?.weights ?? '',
  };
}

/** The model's dims under the keys of GGUF. */
function infoOf({ loaded }: ModelDescription, facts: ModelFacts | undefined): Record<string, unknown> {
  const config = facts?.config ?? loaded?.model.config;
  if (config === undefined) return {};
  const { architecture: arch } = config;
  return {
    'general.architecture': arch,
    ...(config.name === undefined ? {} : { 'general.name': config.name }),
    ...(facts === undefined ? {} : { 'general.parameter_count': facts.parameters }),
    [`${arch}.context_length`]: config.contextLength,
    [`${arch}.embedding_length`]: config.embeddingLength,
    [`${arch}.block_count`]: config.blockCount,
    [`${arch}.feed_forward_length`]: config.feedForwardLength,
    [`${arch}.attention.head_count`]: config.headCount,
    [`${arch}.attention.head_count_kv`]: config.headCountKv,
    [`${arch}.attention.key_length`]: config.headLength,
    [`${arch}.attention.layer_norm_rms_epsilon`]: config.layerNormRmsEpsilon,
    [`${arch}.rope.freq_base`]: config.ropeFreqBase,
    [`${arch}.vocab_size`]: config.vocabularySize,
  };
}

/** A count as names of models have it: `2.4B`, `494M`. */
export function roundedCount(count: number): string {
  const units = [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'K'],
  ] as const;
  for (const [size, unit] of units) {
    if (count >= size) return `${Number((count / size).toFixed(count < 100 * size ? 1 : 0))}${unit}`;
  }
  return String(count);
}

function dateOf(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
