/**
 * The `bitnet` program: finds the command, runs it, and turns how it ended into an exit status. Ctrl-C and a reader that
 * has gone abort the command's signal; the process then ends by itself, so that nothing written is lost.
 */
import { nearestName } from '../base/nearest-name.ts';
import { parseCommandLine } from './args.ts';
import type { Command } from './command.ts';
import { command as bench } from './commands/bench.ts';
import { command as chat } from './commands/chat.ts';
import { command as mcp } from './commands/mcp.ts';
import { command as canRun } from './commands/models/can-run.ts';
import { command as convert } from './commands/models/convert.ts';
import { command as inspect } from './commands/models/inspect.ts';
import { command as list } from './commands/models/list.ts';
import { command as makeRandom } from './commands/models/make-random.ts';
import { command as models } from './commands/models/models.ts';
import { command as pull } from './commands/models/pull.ts';
import { command as rm } from './commands/models/rm.ts';
import { command as perplexity } from './commands/perplexity.ts';
import { command as run } from './commands/run.ts';
import { command as serve } from './commands/serve.ts';
import { command as start } from './commands/start.ts';
import { command as tokenize } from './commands/tokenize.ts';
import { command as train } from './commands/training/train.ts';
import { command as trainExport } from './commands/training/train-export.ts';
import { command as trainReport } from './commands/training/train-report.ts';
import { describeFailure, ExitStatus, Stopped, UsageError } from './errors.ts';
import { commandHelp, packageVersion, programHelp } from './help.ts';
import { stylesOf, write, writeNote } from './terminal.ts';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  run,
  chat,
  serve,
  mcp,
  models,
  pull,
  list,
  rm,
  canRun,
  inspect,
  convert,
  tokenize,
  perplexity,
  train,
  trainReport,
  trainExport,
  bench,
  makeRandom,
  start,
];

/**
 * Runs a command line.
 *
 * @param args what follows the program's name
 * @returns the exit status
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    // The second Ctrl-C does not wait for anything.
    if (controller.signal.aborted) process.exit(ExitStatus.interrupted);
    controller.abort(new Stopped(ExitStatus.interrupted));
  };
  const losePipe = (error: NodeJS.ErrnoException) => {
    controller.abort(error.code === 'EPIPE' ? new Stopped(ExitStatus.ok) : error);
  };
  process.on('SIGINT', interrupt);
  process.stdout.on('error', losePipe);
  process.stderr.on('error', losePipe);
  try {
    return await dispatch(args, controller.signal);
  } catch (error) {
    // Whatever an abort broke, the abort is the cause.
    const cause = controller.signal.aborted ? controller.signal.reason : error;
    const { message, status } = describeFailure(cause, (process.env.BITNET_DEBUG || '0') !== '0');
    if (message !== '') await writeNote(message);
    return status;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function dispatch(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...rest] = args;
  const styles = stylesOf(process.stdout);
  if (name === '--version' || name === '-V') {
    await write(process.stdout, `${packageVersion()}\n`);
    return ExitStatus.ok;
  }
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    await write(process.stdout, programHelp(COMMANDS, packageVersion(), styles));
    return ExitStatus.ok;
  }
  if (name === undefined) {
    await write(process.stderr, programHelp(COMMANDS, packageVersion(), stylesOf(process.stderr)));
    return ExitStatus.usage;
  }
  const isHelp = name === 'help';
  const words = isHelp ? rest : args;
  const command = findCommand(words);
  const after = words.slice(command.name.split(' ').length);
  const { help, ...input } = parseCommandLine(command, isHelp ? [] : after);
  if (isHelp || help) {
    await write(process.stdout, commandHelp(command, styles));
    return ExitStatus.ok;
  }
  return command.run({ ...input, signal });
}

/** The command that the first words name: `train report` is one, `train recipe.json` is `train`. */
function findCommand([name = '', second]: readonly string[]): Command {
  const command =
    COMMANDS.find((candidate) => candidate.name === `${name} ${second}`) ??
    COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  if (name.startsWith('-')) {
    throw new UsageError(
      `options follow the command: bitnet COMMAND ${name}; \`bitnet --help\` lists the commands`,
    );
  }
  const near = nearestName(
    name,
    COMMANDS.map((candidate) => candidate.name),
  );
  const hint = near === undefined ? '' : `did you mean ${near}? `;
  throw new UsageError(`there is no command "${name}"; ${hint}\`bitnet --help\` lists all`);
}
