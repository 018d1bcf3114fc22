/** `bitnet pull`: a model of the hub, downloaded and verified. */
import { openHub } from '../../../hub/open-hub.ts';
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { OFFLINE_OPTION } from '../../model-argument.ts';
import { pullWithProgress } from '../../models/pull-with-progress.ts';
import { switchOption, textOption, wholeOption } from '../../option-values.ts';
import { namedModel } from '../../pull/named-model.ts';
import { formatBytes, formatSeconds } from '../../quantities.ts';
import { printableLine, writeNote, writeOutput } from '../../terminal.ts';

const MOST_CONNECTIONS = 32;

/** The command. */
export const command: Command = {
  name: 'pull',
  summary: 'Download a model of the hub, or go on with a download.',
  positionals: 'MODEL',
  details:
    'Every byte is verified, and an interrupted download goes on where it was. Files are kept where huggingface_hub keeps ' +
    'them (HF_HOME, HF_HUB_CACHE), so that each finds what the other has downloaded. HF_TOKEN, HF_ENDPOINT and HTTPS_PROXY ' +
    'are honoured. Stdout gets the path of the file or folder.',
  options: [
    {
      name: 'file',
      value: 'FILE',
      help: 'A GGUF file of the repository.',
      default: 'the best one that runs, else the folder of safetensors',
    },
    { name: 'revision', value: 'REVISION', help: 'A branch, tag or commit.', default: 'main' },
    { name: 'update', help: 'Ask the hub for a newer commit although the model is here.' },
    { name: 'connections', value: 'N', help: 'Connections at once.', default: '4' },
    OFFLINE_OPTION,
    { name: 'json', help: 'Write one JSON object about what is here now.' },
  ],
  examples: [
    ['bitnet pull 2b4t', 'a model of `bitnet models`'],
    ['bitnet pull owner/name --file model-tq2_0.gguf', 'one file of a repository'],
    ['HF_TOKEN=hf_… bitnet pull owner/private', 'with an account'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const [text, surplus] = input.positionals;
  if (text === undefined) {
    throw new UsageError('MODEL is needed: bitnet pull MODEL; `bitnet models` lists names');
  }
  if (surplus !== undefined) {
    throw new UsageError(`"${surplus}" is one word too many: one model is downloaded at a time`);
  }
  const connections = wholeOption(input, 'connections', 1, MOST_CONNECTIONS);
  const file = textOption(input, 'file');
  const revision = textOption(input, 'revision');
  const model = await namedModel('pull', text, { file, revision });
  const start = performance.now();
  const pulled = await pullWithProgress(await openHub(), model, {
    signal: input.signal,
    offline: switchOption(input, 'offline'),
    update: switchOption(input, 'update'),
    ...(connections !== undefined && { connections }),
  });
  const seconds = (performance.now() - start) / 1000;
  const { repository, path, bytes, downloadedBytes } = pulled;
  if (switchOption(input, 'json')) {
    await writeOutput(
      `${JSON.stringify({
        model: text,
        repository,
        revision: pulled.revision,
        file: pulled.file ?? null,
        path,
        bytes,
        downloadedBytes,
        seconds,
      })}\n`,
    );
    return ExitStatus.ok;
  }
  const what = `${pulled.file ?? repository}, ${formatBytes(bytes)}`;
  await writeNote(
    printableLine(
      downloadedBytes === 0
        ? `bitnet: ${what}, is here`
        : `bitnet: ${what}, is here and verified; ${formatBytes(downloadedBytes)} came in ${formatSeconds(seconds)}`,
    ),
  );
  await writeOutput(`${path}\n`);
  return ExitStatus.ok;
}
