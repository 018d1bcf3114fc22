/** Output formats as constraints on tokens. */
import type { TokenConstraint } from '../../engine/generation/constraint.ts';
import type { ToolChoice, ToolDefinition } from '../tools/tool-definition.ts';

/** What an answer has to look like. */
export type OutputFormat =
  | { readonly kind: 'text' }
  /** Any JSON object. */
  | { readonly kind: 'json' }
  | { readonly kind: 'schema'; readonly schema: unknown }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'choices'; readonly choices: readonly string[] };

/** What a constraint is made of. */
export interface ConstraintRequest {
  readonly format: OutputFormat;
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
}

/** Compiles formats for one vocabulary; what was compiled lately is kept. */
export interface ConstraintCompiler {
  /**
   * @returns undefined where anything may be generated
   * @throws BitnetError `schema/unsupported` (naming the keyword and where it is), `schema/too-large`, `schema/invalid`,
   *   `regex/invalid`, `option/…`, `model/disposed`; `constraint/failed` where the grammar library fails, our own fault
   */
  compile(request: ConstraintRequest): Promise<TokenConstraint | undefined>;
  dispose(): void;
}
