/** `bitnet list`: the models in the cache. */
import { cacheFolder } from '../../../hub/api/hub-settings.ts';
import { readCatalogue } from '../../../hub/catalogue/catalogue.ts';
import { openHub } from '../../../hub/open-hub.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { switchOption } from '../../option-values.ts';
import { cacheTable, nameInCache, readCache } from '../../pull/cached-models.ts';
import { stylesOf, writeOutput } from '../../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'list',
  summary: 'List the models that are on this machine.',
  positionals: '',
  details:
    'Everything in the cache of Hugging Face that runs, whichever program has downloaded it, and downloads of this one that ' +
    'are unfinished. Nothing is asked of the network.',
  options: [{ name: 'json', help: 'Write one JSON object with everything.' }],
  examples: [
    ['bitnet list', 'a table'],
    ["bitnet list --json | jq -r '.models[].path'", 'for programs'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [surplus] = input.positionals;
  if (surplus !== undefined) {
    throw new UsageError(
      `"${surplus}" is one word too many: bitnet list; \`bitnet models\` lists what can be had`,
    );
  }
  const [catalogue, cached] = await Promise.all([readCatalogue(), openHub().then(readCache)]);
  const folder = cacheFolder();
  if (!switchOption(input, 'json')) {
    await writeOutput(cacheTable(cached, catalogue, folder, stylesOf(process.stdout)));
    return ExitStatus.ok;
  }
  const models = cached.models.map(({ repository, revision, file, path, bytes }) => ({
    name: nameInCache(catalogue, repository, file),
    repository,
    revision,
    file: file ?? null,
    path: path ?? null,
    bytes,
  }));
  const unfinished = cached.unfinished.map((download) => ({
    name: nameInCache(catalogue, download.repository, download.file),
    ...download,
  }));
  await writeOutput(`${JSON.stringify({ folder, models, unfinished })}\n`);
  return ExitStatus.ok;
}
