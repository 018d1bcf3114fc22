/**
 * What a tool is: its schemas as clients see them, and a call from arguments to a result. Arguments are checked here and
 * not by the SDK, so that what is wrong with them is one sentence that names the parameter, as in the server's APIs.
 * Whatever a call fails with becomes a result with `isError`, which the model behind the client can read and act upon.
 */
import type {
  CallToolResult,
  McpServer,
  ServerContext,
  StandardSchemaWithJSON,
  ToolAnnotations,
} from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { BitnetError, ContextLengthExceeded } from '../index.ts';
import { checkBody } from '../server/dialects/body-check.ts';
import { RequestError } from '../server/http/failure.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { ProgressReport } from './progress-report.ts';
import type { LoadedModel, SharedModel } from './shared-model.ts';

/** What a call has besides its arguments. */
export interface ToolCall extends LoadedModel {
  /** Aborted when the client takes the call back or goes. */
  readonly signal: AbortSignal;
  readonly progress: ProgressReport;
}

/** What a tool answers. */
export interface ToolAnswer<Output> {
  /** For clients that show text; by default the structured result as JSON. */
  readonly text?: string;
  readonly structured: Output;
}

/** A tool with the types of its arguments and its result. */
export interface ToolDefinition<Input, Output> {
  readonly name: string;
  readonly title: string;
  /** For the model behind the client, which decides by it when to call. */
  readonly description: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  run(input: Input, call: ToolCall): ToolAnswer<Output> | Promise<ToolAnswer<Output>>;
}

/** A tool whose types nobody needs to know any more. */
export interface Tool {
  /** Adds it to a server. */
  register(server: McpServer, model: SharedModel, log: (fault: string) => void): void;
}

/** Nothing is changed anywhere, and nothing but this machine is asked. */
const ANNOTATIONS: ToolAnnotations = { readOnlyHint: true, destructiveHint: false, openWorldHint: false };

/** A tool of its definition. */
export function defineTool<Input, Output extends object>(definition: ToolDefinition<Input, Output>): Tool {
  const { name, title, description, input, output, run } = definition;
  const inputSchema = advertised(input, 'input');
  const outputSchema = advertised(output, 'output');
  return {
    register(server, model, log) {
      const config = {
        title,
        description,
        inputSchema,
        outputSchema,
        annotations: { title, ...ANNOTATIONS },
      };
      server.registerTool(name, config, async (args, context): Promise<CallToolResult> => {
        try {
          const checked = checkBody(input, withoutNulls(args));
          const { signal } = context.mcpReq;
          const loaded = await model.ready(signal);
          const progress = new ProgressReport(context as ServerContext);
          const { structured, text } = await run(checked, { ...loaded, signal, progress });
          return {
            content: [{ type: 'text', text: text ?? JSON.stringify(structured) }],
            structuredContent: { ...structured },
          };
        } catch (error) {
          if (context.mcpReq.signal.aborted) throw error;
          return { content: [{ type: 'text', text: sentenceOf(error, log) }], isError: true };
        }
      });
    },
  };
}

/** A schema for the lists of tools; what comes is checked by {@link checkBody}. */
function advertised(schema: z.ZodType, io: 'input' | 'output'): StandardSchemaWithJSON {
  const json = jsonSchemaOf(schema, io);
  return {
    '~standard': {
      version: 1,
      vendor: 'bitnet.ts',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  };
}

/** Some clients send null for what is left out. */
function withoutNulls(args: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args ?? {}).filter(([, value]) => value !== null));
}

/** One sentence on what went wrong, in terms of this protocol and of the command line. */
function sentenceOf(error: unknown, log: (fault: string) => void): string {
  if (error instanceof ContextLengthExceeded) {
    return (
      `the text has ${error.requestedTokens} tokens, and the context of this model holds ${error.contextLength}; ` +
      'shorten it, or have the server started with a larger --context if the model allows it'
    );
  }
  if (error instanceof BitnetError || error instanceof RequestError) return error.message;
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 'internal error: the log of the server (its stderr) says where; this is a bug in bitnet.ts';
}
