/** The models that `bitnet can-run` is asked about: all of the catalogue, or one by file, URL or name. */
import type { FitModel } from '../../fit/fit.ts';
import { modelOfEntry, modelOfFile } from '../../fit/fit-model.ts';
import { readCatalogue } from '../../hub/catalogue/catalogue.ts';
import { resolveModelName } from '../../hub/parse-model-name.ts';
import { withHeaders } from '../inspect/headers.ts';
import { BUNDLED_MODEL, bundledModelPath } from '../models/bundled-model.ts';

/** All models of the catalogue that are known to run. */
export async function catalogueModels(): Promise<FitModel[]> {
  const { models } = await readCatalogue();
  return models.map((entry) => modelOfEntry(entry));
}

/**
 * The model of a word of the command line. Of a file, a URL or a repository that the catalogue lacks the header is read; of
 * other names nothing but the catalogue.
 *
 * @throws BitnetError as resolveModelName and withHeaders
 */
export async function askedModel(text: string, signal: AbortSignal): Promise<FitModel> {
  if (text === BUNDLED_MODEL) return fromHeaders(bundledModelPath(), text, signal);
  const name = await resolveModelName(text, [BUNDLED_MODEL]);
  if (name.kind === 'path') return fromHeaders(name.path, text, signal);
  if (name.kind === 'url') return fromHeaders(name.url.href, text, signal);
  if (name.entry !== undefined) return modelOfEntry(name.entry, name.published);
  return fromHeaders(text, text, signal);
}

function fromHeaders(source: string, label: string, signal: AbortSignal): Promise<FitModel> {
  return withHeaders(source, { signal }, (opened) => modelOfFile(opened, label));
}
