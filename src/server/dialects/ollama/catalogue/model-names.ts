/** Models by the names that Ollama's clients use: `:latest` may be there or not. */
import { RequestError } from '../../../http/failure.ts';
import type { ModelDescription, ModelRegistry } from '../../../models/served-model.ts';

const LATEST = ':latest';

/** The model of a name. @throws RequestError 404 */
export function findModel(models: ModelRegistry, name: string): ModelDescription {
  const list = models.list();
  const other = name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : name + LATEST;
  const found = list.find(({ id }) => id === name) ?? list.find(({ id }) => id === other);
  if (found !== undefined) return found;
  const message = `model '${name.slice(0, 200)}' not found; GET /api/tags lists those that are served`;
  throw new RequestError({ status: 404, code: 'model_not_found', message, parameter: 'model' });
}
