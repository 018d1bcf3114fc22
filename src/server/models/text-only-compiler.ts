/** A server whose answers are bound to no form: every other format is refused. */
import { BitnetError } from '../../index.ts';
import type { ConstraintCompiler } from '../constraint/constraint-compiler.ts';

/** Makes the compiler of a model. */
export const textOnlyCompiler = (): ConstraintCompiler => ({
  async compile({ format, tools }) {
    if (format.kind === 'text' && tools.length === 0) return undefined;
    throw new BitnetError('schema/unsupported', 'this server answers with plain text only');
  },
  dispose() {},
});
