/**
 * `bitnet.ts/mcp`: a model as a server of the Model Context Protocol (https://modelcontextprotocol.io), by the official SDK.
 * It opens nothing by itself: connect it to any of the SDK's transports; `bitnet mcp` does that with stdin and stdout
 * (serve-stdio.ts).
 */
import { McpServer } from '@modelcontextprotocol/server';
import type { Model } from '../index.ts';
import { SharedModel } from './shared-model.ts';
import type { Tool } from './tool.ts';
import { chat } from './tools/chat.ts';
import { generate } from './tools/generate.ts';
import { modelInformation } from './tools/model-information.ts';
import { score } from './tools/score.ts';
import { detokenize, tokenize } from './tools/tokenize.ts';

/** How a server presents itself. */
export interface McpServerOptions {
  /** Of the server, for clients. */
  readonly name: string;
  readonly version: string;
  /** What the model is called; by default as its file says. */
  readonly label?: string;
  /** Path or URL of the model's file, which clients are told. */
  readonly source?: string;
  /** Takes notes on faults of our own; by default they go to stderr. */
  readonly log?: (fault: string) => void;
}

const TOOLS: readonly Tool[] = [generate, chat, tokenize, detokenize, score, modelInformation];

/**
 * A server with the tools generate, chat, tokenize, detokenize, score and model_information, not yet connected. When its
 * connection ends, so does all that it computes; the model stays the caller's.
 *
 * @param model may still be loading: tools wait for it
 */
export function createMcpServer(model: Model | Promise<Model>, options: McpServerOptions): McpServer {
  const { source, label = 'the model' } = options;
  const origin = Promise.resolve(model).then((loaded) => ({
    model: loaded,
    ...(source !== undefined && { source }),
  }));
  const shared = new SharedModel(origin, { label });
  const server = serverOf(shared, options);
  server.server.onclose = () => void shared.dispose();
  return server;
}

/** A server on a model that others may share. */
export function serverOf(
  model: SharedModel,
  { name, version, log = (fault) => console.error(fault) }: McpServerOptions,
): McpServer {
  const instructions =
    `${model.label} is a small 1-bit language model that runs on this machine's CPU: private, free and without a network, ` +
    'but far weaker than large models. model_information says what it can do.';
  const server = new McpServer({ name, title: 'bitnet.ts', version }, { instructions });
  for (const tool of TOOLS) tool.register(server, model, log);
  return server;
}
