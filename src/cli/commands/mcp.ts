/** `bitnet mcp`: a model as tools for other programs, over stdin and stdout. */
import { BitnetError, type Model } from '../../index.ts';
import type { ModelOrigin } from '../../mcp/shared-model.ts';
import { nameModels } from '../../server/models/model-entry.ts';
import type { Command, CommandInput } from '../command.ts';
import { describeFailure, ExitStatus, Stopped, sentenceOf } from '../errors.ts';
import { packageVersion } from '../help.ts';
import { loadOptionsOf, loadWithProgress, MODEL_OPTIONS, splitModel } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { locateModel } from '../models/locate-model.ts';
import { printableLine, writeNote } from '../terminal.ts';

/** The command. */
export const command: Command = {
  name: 'mcp',
  summary: 'Offer a model to other programs as tools (Model Context Protocol).',
  positionals: '[MODEL]',
  details:
    'Started by a client such as a desktop assistant or an editor, which then has the tools generate, chat, tokenize, ' +
    'detokenize, score and model_information. Speaks the protocol on stdin and stdout, logs to stderr, and ends with ' +
    'stdin. Answers at once; tools wait until the model is downloaded and loaded. docs/mcp.md has the configuration of clients.',
  options: [...MODEL_OPTIONS],
  examples: [
    ['bitnet mcp', 'the bundled model'],
    ['bitnet mcp 2b4t --threads 4 --context 2048', 'another one, downloaded first if need be'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source } = splitModel(input, 'mcp', []);
  const options = loadOptionsOf(input);
  const { serveMcpOverStdio } = await import('../../mcp/serve-stdio.ts');
  const ended = new AbortController();
  const onTerminate = () => ended.abort(new Stopped(ExitStatus.ok));
  process.once('SIGTERM', onTerminate);
  const signal = AbortSignal.any([input.signal, ended.signal]);
  let status: number = ExitStatus.ok;
  const loading = load(source, { ...options, signal });
  loading.catch(async (error: unknown) => {
    // The client is told by the tools; whoever reads the log and the status, here.
    if (signal.aborted) return;
    const failure = describeFailure(error, false);
    status = failure.status;
    await writeNote(failure.message);
  });
  try {
    if (process.stdin.isTTY) {
      await writeNote(
        'bitnet: a client of the Model Context Protocol is expected on stdin; Ctrl-C ends this',
      );
    }
    await serveMcpOverStdio(loading.catch(rethrowForTools), {
      name: 'bitnet',
      version: packageVersion(),
      label: nameModels([modelLabel(source)])[0]!.id,
      signal,
      log: (line) => void writeNote(printableLine(`bitnet: ${line}`)),
    });
    input.signal.throwIfAborted();
    return status;
  } finally {
    process.off('SIGTERM', onTerminate);
    ended.abort(new Stopped(ExitStatus.ok));
    const loaded = await loading.catch(() => undefined);
    await loaded?.model.dispose();
    process.stdin.destroy();
  }
}

async function load(
  source: string | undefined,
  options: ReturnType<typeof loadOptionsOf>,
): Promise<ModelOrigin & { readonly model: Model }> {
  const { signal, contextLength, pull } = options;
  const path = await locateModel(source, { signal, contextLength, offline: pull?.offline });
  return { model: await loadWithProgress(path, options), source: path };
}

/** Clients read it as the result of every call: it has to say that another call is of no use. */
function rethrowForTools(error: unknown): never {
  if (!(error instanceof BitnetError)) throw error;
  throw new BitnetError(error.code, `bitnet mcp could not load its model: ${sentenceOf(error)}`, {
    cause: error,
  });
}
