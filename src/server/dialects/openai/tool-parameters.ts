/** Functions that a model may call, as chat completions and responses describe them. */
import { z } from 'zod';
import type { ToolChoice, ToolDefinition } from '../../tools/tool-definition.ts';
import { invalidParameter } from './body-check.ts';
import type { Fields } from './sampling-parameters.ts';

/** A function as a body describes it. */
export interface FunctionBody {
  readonly name: string;
  readonly description?: string | null;
  readonly parameters?: Readonly<Record<string, unknown>> | null;
  /** Arguments are always held to their schema. */
  readonly strict?: boolean | null;
}

/** Schemas of {@link FunctionBody}. */
export const functionFields: Fields<FunctionBody> = {
  name: z
    .string()
    .refine(
      (name) => /^[\w-]{1,64}$/.test(name),
      'must consist of 1 to 64 letters, digits, underscores and hyphens',
    ),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
};

/** Most tools of a request. */
export const MOST_TOOLS = 128;

/** A body's functions as tools. */
export function toolsOf(functions: readonly FunctionBody[]): ToolDefinition[] {
  return functions.map(({ name, description, parameters }) => ({
    name,
    ...(description == null ? {} : { description }),
    ...(parameters == null ? {} : { parameters }),
  }));
}

/**
 * A body's choice, where it fits the tools.
 *
 * @throws RequestError 400 when it calls for a tool that is not there, or when two tools share a name
 */
export function toolChoiceOf(
  choice: ToolChoice | null | undefined,
  tools: readonly ToolDefinition[],
): ToolChoice {
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) throw invalidParameter('tools', 'has two functions of the same name');
  if (choice == null) return tools.length === 0 ? 'none' : 'auto';
  if (choice === 'required' && tools.length === 0) {
    throw invalidParameter('tool_choice', 'is "required", and there are no tools');
  }
  if (typeof choice !== 'string' && !names.has(choice.name)) {
    throw invalidParameter(
      'tool_choice',
      `names the function ${JSON.stringify(choice.name)}, which is not in tools`,
    );
  }
  return choice;
}
