/** `bitnet models`: the published models that can be run by name, and whether they run here. */
import { measureMachine } from '../../../fit/measure-machine.ts';
import { readCatalogue } from '../../../hub/catalogue/catalogue.ts';
import { openHub } from '../../../hub/open-hub.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { listOf } from '../../models/model-rows.ts';
import { modelsTable } from '../../models/models-table.ts';
import { switchOption } from '../../option-values.ts';
import { stylesOf, writeOutput } from '../../terminal.ts';

const DEFAULT_WIDTH = 80;

/** The command. */
export const command: Command = {
  name: 'models',
  summary: 'List the published models, and whether they run here.',
  positionals: '',
  details:
    'Every name of the list can be written where a MODEL is expected; what is not here is then downloaded. Behind a colon may ' +
    'be the format of another of its downloads, as in 2b4t:packed. Nothing is asked of the network, and nothing is measured: ' +
    '"runs here" is about memory, and `bitnet can-run` tells speed too.',
  options: [
    {
      name: 'all',
      help: 'Also what each is good for, known defects, repositories, and what is not supported and why.',
    },
    { name: 'json', help: 'Write one JSON object with everything.' },
  ],
  examples: [
    ['bitnet models', 'a table'],
    ['bitnet models --all', 'with a few lines on each model'],
    [`bitnet models --json | jq -r '.models[] | select(.runs == "yes").name'`, 'for programs'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [surplus] = input.positionals;
  if (surplus !== undefined) {
    throw new UsageError(
      `"${surplus}" is one word too many: bitnet models; \`bitnet can-run ${surplus}\` tells of one model`,
    );
  }
  const [catalogue, local, measured] = await Promise.all([
    readCatalogue(),
    openHub().then((hub) => hub.list()),
    measureMachine({ threads: [] }),
  ]);
  const list = await listOf(catalogue, local, measured);
  const { stdout } = process;
  const width = Math.max(DEFAULT_WIDTH, stdout.isTTY ? stdout.columns : DEFAULT_WIDTH);
  await writeOutput(
    switchOption(input, 'json')
      ? `${JSON.stringify(list, undefined, stdout.isTTY ? 2 : undefined)}\n`
      : modelsTable(list, stylesOf(stdout), width, switchOption(input, 'all')),
  );
  return ExitStatus.ok;
}
