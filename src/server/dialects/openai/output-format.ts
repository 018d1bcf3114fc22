/** Formats of answers: `response_format` of chat completions, `text.format` of responses. */
import { z } from 'zod';
import type { OutputFormat } from '../../constraint/constraint-compiler.ts';
import { listOf } from '../body-check.ts';

/** A JSON schema with the name that clients give it, which nothing here needs. */
export interface SchemaBody {
  readonly name?: string;
  readonly description?: string | null;
  readonly schema?: Readonly<Record<string, unknown>> | null;
  /** Schemas are always enforced. */
  readonly strict?: boolean | null;
}

/** Schemas of {@link SchemaBody}'s fields. */
export const schemaFields: { readonly [Key in keyof Required<SchemaBody>]: z.ZodType<SchemaBody[Key]> } = {
  name: z.string().optional(),
  description: z.string().nullish(),
  schema: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
};

/** Formats that both endpoints write the same; regex and choice are ours. */
export type PlainFormatBody =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | { readonly type: 'regex'; readonly pattern: string }
  | { readonly type: 'choice'; readonly choices: readonly string[] };

/** A schema for {@link PlainFormatBody} or `schema`, told apart by their type. */
export function formatSchema<T extends z.core.$ZodTypeDiscriminable>(
  schema: T,
): z.ZodType<PlainFormatBody | z.output<T>> {
  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({ type: z.literal('regex'), pattern: z.string().min(1) }),
    z.strictObject({
      type: z.literal('choice'),
      choices: listOf(z.string().min(1), { least: 1, most: 1000 }),
    }),
    schema,
  ]) as z.ZodType<PlainFormatBody | z.output<T>>;
}

/** What is asked of a constraint for a plain format. */
export function plainFormat(format: PlainFormatBody): OutputFormat {
  switch (format.type) {
    case 'text':
      return { kind: 'text' };
    case 'json_object':
      return { kind: 'json' };
    case 'regex':
      return { kind: 'regex', pattern: format.pattern };
    case 'choice':
      return { kind: 'choices', choices: format.choices };
  }
}

/** What is asked of a constraint for a JSON schema; without one, any object will do. */
export function schemaFormat({ schema }: SchemaBody): OutputFormat {
  return schema == null ? { kind: 'json' } : { kind: 'schema', schema };
}
