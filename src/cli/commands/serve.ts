/** `bitnet serve`: models behind the HTTP APIs of OpenAI, Anthropic and Ollama. */
import { readFile } from 'node:fs/promises';
import { BitnetError } from '../../base/errors.ts';
import type { LoadOptions } from '../../index.ts';
import type { RequestLimits } from '../../server/http/limits.ts';
import type { Listening } from '../../server/listen.ts';
import type { LogFormat, ServerOptions } from '../../server/server.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus, Stopped, UsageError } from '../errors.ts';
import { loadOptionsOf, MODEL_OPTIONS } from '../model-argument.ts';
import { servedModels } from '../models/served-models.ts';
import {
  choiceOption,
  numberOption,
  switchOption,
  textOption,
  textsOption,
  wholeOption,
} from '../option-values.ts';
import { ProgressBar } from '../progress.ts';
import { printableLine, writeNote } from '../terminal.ts';

const LOG_FORMATS = ['text', 'json', 'off'] as const satisfies LogFormat[];
const PRELOADS = ['first', 'all', 'none'] as const;
const MEGABYTE = 1_000_000;

/** The command. */
export const command: Command = {
  name: 'serve',
  summary: 'Serve models over HTTP, as OpenAI, Anthropic and Ollama do.',
  positionals: '[MODEL…]',
  details:
    'Each MODEL is a path, URL or name, or NAME=MODEL to choose the name that requests use; the first is the default. What is ' +
    'not here is downloaded before the server starts. Browsers get a page to chat at the address that it names ' +
    '(docs/web.md). Ctrl-C lets answers under way end, a second one does not. Anyone who reaches the port can use the models ' +
    'unless there is an API key, so other addresses than loopback ones need one. docs/server.md has the rest.',
  options: [
    { name: 'host', value: 'ADDRESS', help: 'Interface to listen on.', default: '127.0.0.1' },
    { name: 'port', value: 'N', help: 'Port; 0 takes any that is free.', default: '8080' },
    {
      name: 'api-key',
      value: 'KEY',
      multiple: true,
      help: 'Key that requests must carry, better given as BITNET_API_KEY or --api-key-file: others see command lines.',
    },
    { name: 'api-key-file', value: 'FILE', help: 'File with one key per line.' },
    { name: 'no-auth', help: 'Listen on other addresses than loopback ones without a key.' },
    {
      name: 'allow-host',
      value: 'NAME',
      multiple: true,
      help: 'Name by which the server is called; * for any.',
    },
    {
      name: 'allow-origin',
      value: 'ORIGIN',
      multiple: true,
      help: 'Origin of pages that may call the server, as in https://chat.example.org; * for any.',
    },
    { name: 'tls-cert', value: 'FILE', help: 'Certificate with its chain, PEM: HTTPS instead of HTTP.' },
    { name: 'tls-key', value: 'FILE', help: 'Key of the certificate, PEM.' },
    { name: 'parallel', value: 'N', help: 'Most sequences computed together.', default: '16' },
    {
      name: 'queue',
      value: 'N',
      help: 'Most sequences that wait; more are refused with 503.',
      default: '512',
    },
    { name: 'kv-cache-mb', value: 'N', help: 'Memory for keys and values of each model, in MB.' },
    {
      name: 'preload',
      value: 'WHICH',
      help: `Models loaded at once: ${PRELOADS.join(', ')}.`,
      default: 'first',
    },
    {
      name: 'keep-alive',
      value: 'SECONDS',
      help: 'How long other models stay loaded after their last request; -1 for ever.',
      default: '300',
    },
    { name: 'max-models', value: 'N', help: 'Most models loaded at once.', default: '3' },
    { name: 'max-body-mb', value: 'N', help: 'Longest body of a request, in MB.', default: '10' },
    { name: 'max-connections', value: 'N', help: 'Most connections at once.', default: '1024' },
    {
      name: 'request-timeout',
      value: 'SECONDS',
      help: 'Longest time for a request and its answer; 0 for no end.',
      default: '3600',
    },
    {
      name: 'idle-timeout',
      value: 'SECONDS',
      help: 'Longest time in which a client neither sends nor reads what it should.',
      default: '60',
    },
    {
      name: 'grace',
      value: 'SECONDS',
      help: 'Time for answers under way when the server ends.',
      default: '30',
    },
    { name: 'log', value: 'FORMAT', help: `Log on stdout: ${LOG_FORMATS.join(', ')}.`, default: 'text' },
    { name: 'log-prompts', help: 'Put the texts of prompts and replies into the log.' },
    ...MODEL_OPTIONS,
  ],
  examples: [
    ['bitnet serve model.gguf', 'on http://127.0.0.1:8080'],
    ['bitnet serve small=a.gguf large=b.gguf --port 8000', 'two models by names of your own'],
    [
      'BITNET_API_KEY=secret bitnet serve model.gguf --host 0.0.0.0 --allow-host llm.example.org',
      'for others, with a key',
    ],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const host = textOption(input, 'host') ?? '127.0.0.1';
  const port = wholeOption(input, 'port', 0, 65_535) ?? 8080;
  const grace = secondsOption(input, 'grace') ?? 30;
  const maxConnections = wholeOption(input, 'max-connections', 1);
  const apiKeys = await apiKeysOf(input);
  checkExposure(input, host, apiKeys);
  const tls = await tlsOf(input);
  const options = serverOptionsOf(input);
  const models = await servedModels(input, options.load);
  const bar = new ProgressBar('loading');
  let isStarting = true;
  // Not with the program: other commands would wait for libraries that they do not need.
  const [{ listen }, { createServer }] = await Promise.all([
    import('../../server/listen.ts'),
    import('../../server/server.ts'),
  ]);
  const onProgress = (share: number) => {
    if (isStarting) bar.update(share);
  };
  const server = createServer({ ...options, load: { ...options.load, onProgress }, models, apiKeys });
  const terminated = new AbortController();
  const onTerminate = () => terminated.abort(new Stopped(ExitStatus.ok));
  process.once('SIGTERM', onTerminate);
  const stopped = Promise.race([aborted(input.signal), aborted(terminated.signal)]);
  let listening: Listening | undefined;
  try {
    listening = await listen(server, {
      host,
      port,
      ...(tls && { tls }),
      ...(maxConnections !== undefined && { maxConnections }),
    });
    await Promise.race([server.ready, stopped]);
    isStarting = false;
    bar.finish();
    if (!input.signal.aborted && !terminated.signal.aborted) {
      await announce(listening, apiKeys.length > 0, models[0]?.id);
      await stopped;
      await writeNote(`bitnet: answers under way have ${grace} seconds to end; Ctrl-C ends them at once`);
    }
    await listening.close(grace);
    return input.signal.aborted ? ExitStatus.interrupted : ExitStatus.ok;
  } finally {
    bar.finish();
    process.off('SIGTERM', onTerminate);
    if (listening === undefined) await server.close();
    else await listening.close();
  }
}

function serverOptionsOf(
  input: CommandInput,
): Omit<ServerOptions, 'models' | 'load'> & { readonly load: LoadOptions } {
  const { signal: _, ...load }: LoadOptions = loadOptionsOf(input);
  const parallel = wholeOption(input, 'parallel', 1, 256);
  const queue = wholeOption(input, 'queue', 0);
  const kvCache = wholeOption(input, 'kv-cache-mb', 1);
  const preload = choiceOption(input, 'preload', PRELOADS);
  const keepAliveSeconds = numberOption(input, 'keep-alive');
  const maxLoaded = wholeOption(input, 'max-models', 1);
  return {
    load,
    scheduler: {
      ...(parallel !== undefined && { maxRunning: parallel }),
      ...(queue !== undefined && { maxWaiting: queue }),
      ...(kvCache !== undefined && { kvCacheBytes: kvCache * MEGABYTE }),
    },
    ...(preload !== undefined && { preload }),
    ...(keepAliveSeconds !== undefined && { keepAliveSeconds }),
    ...(maxLoaded !== undefined && { maxLoaded }),
    allowedHosts: textsOption(input, 'allow-host'),
    allowedOrigins: textsOption(input, 'allow-origin'),
    limits: limitsOf(input),
    log: choiceOption(input, 'log', LOG_FORMATS) ?? 'text',
    logPrompts: switchOption(input, 'log-prompts'),
  };
}

function limitsOf(input: CommandInput): Partial<RequestLimits> {
  const body = wholeOption(input, 'max-body-mb', 1, 256);
  const requestSeconds = secondsOption(input, 'request-timeout');
  const idleSeconds = secondsOption(input, 'idle-timeout');
  return {
    ...(body !== undefined && { bodyBytes: body * MEGABYTE }),
    ...(requestSeconds !== undefined && { requestSeconds }),
    ...(idleSeconds !== undefined && { idleSeconds }),
  };
}

async function apiKeysOf(input: CommandInput, environment = process.env): Promise<readonly string[]> {
  const file = textOption(input, 'api-key-file');
  const fromFile = file === undefined ? [] : (await readText(file, 'api-key-file')).split(/\r?\n/);
  const fromEnvironment = environment.BITNET_API_KEY ?? '';
  const keys = [...textsOption(input, 'api-key'), fromEnvironment, ...fromFile.map((line) => line.trim())];
  const given = keys.filter((key) => key !== '');
  if (file !== undefined && given.length === 0)
    throw new UsageError(`--api-key-file ${file} has no key in it`);
  return given;
}

function checkExposure(input: CommandInput, host: string, apiKeys: readonly string[]): void {
  const isLoopback = /^(127\.[\d.]+|::1|localhost)$/i.test(host);
  if (isLoopback || apiKeys.length > 0 || switchOption(input, 'no-auth')) return;
  throw new UsageError(
    `--host ${host} lets others in, and there is no API key; set BITNET_API_KEY, or say --no-auth if anyone may use it`,
  );
}

async function tlsOf(input: CommandInput): Promise<{ cert: string; key: string } | undefined> {
  const cert = textOption(input, 'tls-cert');
  const key = textOption(input, 'tls-key');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError(
      `--tls-cert and --tls-key belong together; --tls-${cert === undefined ? 'cert' : 'key'} is missing`,
    );
  }
  return { cert: await readText(cert, 'tls-cert'), key: await readText(key, 'tls-key') };
}

async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message;
    throw new BitnetError('cli/unreadable-file', `--${option} ${path} cannot be read: ${why}`, { cause });
  }
}

function secondsOption(input: CommandInput, name: string): number | undefined {
  const value = numberOption(input, name);
  if (value === undefined || (value >= 0 && value <= 2_147_483)) return value;
  throw new UsageError(`--${name} is ${value}, and must be seconds from 0 to 2147483`);
}

async function announce({ urls }: Listening, hasKey: boolean, model: string | undefined): Promise<void> {
  const url = urls[0]!;
  const key = hasKey ? ' -H "Authorization: Bearer $BITNET_API_KEY"' : '';
  const body = JSON.stringify({ ...(model && { model }), prompt: 'Once upon a time', max_tokens: 32 });
  const lines = [
    `bitnet: serving on ${urls.join(' and ')}`,
    `  chat       open ${url}/ in a browser`,
    `  OpenAI     ${url}/v1   chat/completions, completions, responses, embeddings, models`,
    `  Anthropic  ${url}      /v1/messages, /v1/messages/count_tokens`,
    `  Ollama     ${url}      /api/chat, generate, embed, tags, show, ps, version`,
    `  operation  ${url}      /health, /ready, /metrics, /stats`,
    `  curl ${url}/v1/completions${key} -H "Content-Type: application/json" -d '${body}'`,
  ];
  for (const line of lines) await writeNote(printableLine(line));
}

/** Resolves once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
