/** Requests without anything to answer: they load a model, or unload it where it is not to stay. */
import type { ModelRegistry } from '../../models/served-model.ts';
import { type LeaseRequest, withModel } from '../leased.ts';
import { partHeader } from './answer-parts.ts';

/**
 * Loads a model, or unloads it where it is asked to stay for 0 seconds.
 *
 * @param model its name as the client writes it
 * @param answer the fields that would hold the text
 * @throws as ModelRegistry.acquire
 */
export async function loadOnly(
  models: ModelRegistry,
  request: LeaseRequest & { readonly name: string },
  model: string,
  answer: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const isEnd = request.keepAliveSeconds === 0;
  if (isEnd) models.unload(request.name);
  else await withModel(models, request, async () => {});
  return Response.json({
    ...partHeader(model),
    ...answer,
    done: true,
    done_reason: isEnd ? 'unload' : 'load',
  });
}
