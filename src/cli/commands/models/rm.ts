/** `bitnet rm`: removes a model from the cache. */
import { createInterface } from 'node:readline/promises';
import { BitnetError } from '../../../base/errors.ts';
import type { Hub } from '../../../hub/hub.ts';
import type { HubModel } from '../../../hub/model-name.ts';
import { openHub } from '../../../hub/open-hub.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { switchOption } from '../../option-values.ts';
import { type CachedModels, meantBy, readCache, shareOf } from '../../pull/cached-models.ts';
import { namedModel } from '../../pull/named-model.ts';
import { formatBytes } from '../../quantities.ts';
import { printableLine, writeNote, writeOutput } from '../../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'rm',
  summary: 'Remove a model from this machine.',
  positionals: 'MODEL',
  details:
    'Removes what `bitnet list` shows of a model: every revision, unless MODEL names one as in owner/name@revision, and what ' +
    'an interrupted download has left. Asks first on a terminal. The cache is shared with huggingface_hub: a model that ' +
    'another program has downloaded is removed for it too.',
  options: [
    { name: 'yes', short: 'y', help: 'Do not ask.' },
    { name: 'json', help: 'Write one JSON object about what was removed, and do not ask.' },
  ],
  examples: [
    ['bitnet rm 2b4t', 'by its short name'],
    ['bitnet rm owner/name:model-tq2_0.gguf --yes', 'one file, in a script'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [text, surplus] = input.positionals;
  if (text === undefined) throw new UsageError('MODEL is needed: bitnet rm MODEL; `bitnet list` lists them');
  if (surplus !== undefined) {
    throw new UsageError(`"${surplus}" is one word too many: one model is removed at a time`);
  }
  const model = await namedModel('rm', text);
  const hub = await openHub();
  const meant = meantBy(await readCache(hub), model, await commitOf(hub, model));
  if (meant.models.length === 0 && meant.unfinished.length === 0) {
    throw new BitnetError('hub/not-here', `${text} is not on this machine; \`bitnet list\` shows what is`);
  }
  const asJson = switchOption(input, 'json');
  const asks = !asJson && !switchOption(input, 'yes') && process.stdin.isTTY && process.stderr.isTTY;
  if (asks) {
    for (const line of linesOf(meant)) await writeNote(printableLine(line));
    if (!(await isConfirmed('Remove it? [y/N] ', input.signal))) return ExitStatus.failure;
  }
  let freedBytes = 0;
  for (const local of meant.models) freedBytes += await hub.remove(local);
  for (const download of meant.unfinished) freedBytes += await hub.discard(download);
  if (asJson) {
    const models = meant.models.map(({ repository, revision, file }) => ({
      repository,
      revision,
      file: file ?? null,
    }));
    await writeOutput(
      `${JSON.stringify({ model: text, freedBytes, models, unfinished: meant.unfinished })}\n`,
    );
  } else {
    await writeOutput(
      `${[...linesOf(meant).map((line) => `removed ${line}`), `${formatBytes(freedBytes)} are free now`].join('\n')}\n`,
    );
  }
  return ExitStatus.ok;
}

/** The commit of a revision: it may be a branch, which the cache knows by name. */
async function commitOf(hub: Hub, model: HubModel): Promise<string | undefined> {
  const { revision } = model;
  if (revision === undefined || /^[0-9a-f]{7,40}$/.test(revision)) return revision;
  return (await hub.find(model))?.revision ?? revision;
}

function linesOf({ models, unfinished }: CachedModels): string[] {
  return [
    ...models.map(
      ({ repository, revision, file, bytes }) =>
        `${repository}@${revision.slice(0, 7)}${file === undefined ? '' : `:${file}`}, ${formatBytes(bytes)}`,
    ),
    ...unfinished.map(
      (download) => `unfinished ${download.repository}:${download.file}, ${shareOf(download)}`,
    ),
  ];
}

async function isConfirmed(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C is a key to readline.
  terminal.on('SIGINT', () => process.emit('SIGINT'));
  try {
    return /^y(?:es)?$/i.test((await terminal.question(question, { signal })).trim());
  } finally {
    terminal.close();
  }
}
