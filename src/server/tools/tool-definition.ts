/** Tools that a model may call, as all dialects describe them. */

/** A function that the client offers. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of the arguments, an object; undefined for none. */
  readonly parameters?: unknown;
}

/** Whether tools are called: as the model likes, not at all, at least one, or this one. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** A call that a model made. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}
