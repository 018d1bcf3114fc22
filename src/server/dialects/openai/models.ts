/** `GET /v1/models` and `GET /v1/models/{id}`. */
import { RequestError } from '../../http/failure.ts';
import type { ModelDescription } from '../../models/served-model.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';

/** All models, loaded or not. */
export function listModels(c: ServerRequest, { models }: ServerContext): Response {
  return c.json({ object: 'list', data: models.list().map(modelObject) });
}

/**
 * One model by its name.
 *
 * @throws RequestError 404 `model_not_found`
 */
export function showModel(c: ServerRequest, { models }: ServerContext, name: string): Response {
  const found = models.list().find(({ id }) => id === name);
  if (found !== undefined) return c.json(modelObject(found));
  const message = `there is no model ${JSON.stringify(name)}; GET /v1/models lists those there are`;
  throw new RequestError({ status: 404, code: 'model_not_found', message, parameter: 'model' });
}

function modelObject({ id, created }: ModelDescription): object {
  return { id, object: 'model', created, owned_by: 'bitnet.ts' };
}
