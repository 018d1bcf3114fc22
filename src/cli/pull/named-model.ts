/** The MODEL of `bitnet pull` and `bitnet rm`: one of the hub, and what is meant of it. */
import type { HubModel } from '../../hub/model-name.ts';
import { resolveModelName } from '../../hub/parse-model-name.ts';
import { UsageError } from '../errors.ts';
import { BUNDLED_MODEL } from '../models/bundled-model.ts';

/** What is meant of a repository, besides what its name says. */
export interface NamedPart {
  readonly file?: string | undefined;
  readonly revision?: string | undefined;
}

/**
 * The model of the hub that a command line names.
 *
 * @param command its name, for messages
 * @throws UsageError for what is no model of the hub; BitnetError as resolveModelName
 */
export async function namedModel(command: string, text: string, part: NamedPart = {}): Promise<HubModel> {
  if (text === BUNDLED_MODEL) {
    throw new UsageError(`${text} comes with this package; \`bitnet ${command}\` is for models of the hub`);
  }
  const name = await resolveModelName(text, [BUNDLED_MODEL]);
  if (name.kind === 'url') {
    throw new UsageError(
      `${text} is no page of a hub; a model elsewhere is used by its URL, as in \`bitnet run ${text}\``,
    );
  }
  if (name.kind === 'path') {
    throw new UsageError(
      `${text} is a file or folder; \`bitnet ${command}\` takes a name of \`bitnet models\`, or owner/name of the hub`,
    );
  }
  const { file = name.file, revision = name.revision } = part;
  if (file === name.file && revision === name.revision) return name;
  const at = revision === undefined ? '' : `@${revision}`;
  const inside = file === undefined ? '' : `:${file}`;
  const whole = await resolveModelName(`hf:${name.repository}${at}${inside}`);
  return whole.kind === 'hub' ? { ...whole, label: text } : name;
}
