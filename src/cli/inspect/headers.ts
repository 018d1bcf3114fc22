/** Opens a model as far as its headers, for commands that need no weights. */
import { openSource } from '../../engine/source.ts';
import { type OpenedModel, openModel } from '../../model/open.ts';
import { defaultModel } from '../model-argument.ts';

/**
 * Calls `use` with the headers of a model, and closes the files afterwards.
 *
 * @param source path or URL; undefined for the bundled model
 * @throws as openSource and openModel
 */
export async function withHeaders<T>(
  source: string | undefined,
  signal: AbortSignal,
  use: (model: OpenedModel) => Promise<T> | T,
): Promise<T> {
  const bytes = await openSource(source ?? defaultModel().source, signal);
  try {
    const model = await openModel(bytes, signal);
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    if ('close' in bytes) await bytes.close();
  }
}
