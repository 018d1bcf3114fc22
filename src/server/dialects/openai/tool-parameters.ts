/** Functions that a model may call, as chat completions and responses describe them. */
import { z } from 'zod';
import type { ToolDefinition } from '../../tools/tool-definition.ts';
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
  name: z.string().min(1),
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
