/** The official client on a `bitnet mcp` of its own, as clients start it, for the tests. */
import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { Generation, GenerationResult } from '#src/index.js';
import { MAIN, QUIET_BACKEND, ROOT } from '../e2e/run-process.js';

/** A client that is connected. */
export interface Connected {
  readonly client: Client;
  /** What the server wrote to stderr so far. */
  log(): string;
  close(): Promise<void>;
}

/** The options of a client that speaks the protocol without `initialize`. */
export const MODERN: ClientOptions = { versionNegotiation: { mode: 'auto' } };

/** Starts `bitnet mcp` and connects to it. */
export async function connect(args: readonly string[], options: ClientOptions = {}): Promise<Connected> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', ...args],
    cwd: ROOT,
    stderr: 'pipe',
    env: { ...(process.env as Record<string, string>), BITNET_MODEL: '', BITNET_BACKEND: QUIET_BACKEND },
  });
  let log = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const client = new Client({ name: 'test', version: '1.0.0' }, options);
  await client.connect(transport);
  return { client, log: () => log, close: () => client.close() };
}

/** What a tool answered. */
export interface Answer {
  readonly isError: boolean;
  /** The first block of text. */
  readonly text: string;
  readonly structured: Record<string, unknown>;
}

/** Calls a tool. */
export async function call(
  client: Client,
  name: string,
  args: Record<string, unknown>,
  options: Parameters<Client['callTool']>[1] = {},
): Promise<Answer> {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args }, options);
  const [first] = content;
  return {
    isError: isError === true,
    text: first?.type === 'text' ? first.text : '',
    structured: (structuredContent ?? {}) as Record<string, unknown>,
  };
}

/** What the API makes of the same: how a generation ends. */
export async function ended(generation: Generation): Promise<GenerationResult> {
  await generation.text();
  return generation.result!;
}
