/**
 * XGrammar's WebAssembly build (@mlc-ai/web-xgrammar) as a module of its own. The package is a CommonJS file that calls
 * itself an ES module, and so cannot be imported in Node; its wrappers leave objects behind and answer masks
 * asynchronously. Its one file is therefore evaluated here, and the bindings below are used without the wrappers. An
 * instance has its own memory: what XGrammar aborts in is thrown away as a whole.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** Anything that lives in the instance's memory. */
export interface Handle {
  delete(): void;
}

/** A compiled grammar's place in one text. */
export interface MatcherHandle extends Handle {
  AcceptToken(id: number, verbose: boolean): boolean;
  GetNextTokenBitmask(vocabSize: number): Handle;
}

/** A compiler for one vocabulary. */
export interface CompilerHandle extends Handle {
  CompileGrammar(grammar: Handle): Handle;
}

/** The parts of the bindings that are used. */
export interface XGrammarModule {
  readonly HEAPU8: Uint8Array;
  readonly Grammar: { FromEBNF(text: string, root: string): Handle };
  readonly TokenizerInfo: new (
    vocabulary: Handle,
    kind: string,
    vocabSize: number,
    stopIds: Handle,
    prependsSpace: boolean,
  ) => Handle;
  readonly GrammarCompiler: new (tokenizer: Handle, threads: number, caches: boolean) => CompilerHandle;
  readonly GrammarMatcher: new (
    compiled: Handle,
    stopIds: Handle | undefined,
    endsWithoutStop: boolean,
    rollback: number,
  ) => MatcherHandle;
  vecStringFromJSArray(texts: readonly string[]): Handle;
  vecIntFromJSArray(numbers: readonly number[]): Handle;
  vecIntToView(vector: Handle): Int32Array;
}

type CreateModule = (settings: Record<string, unknown>) => Promise<XGrammarModule>;

/** Where the file keeps its instance; the factory of instances is taken out there. */
const KEPT_INSTANCE = 'let binding = null;';

let factory: CreateModule | undefined;

/** A fresh instance. It says nothing to the console. */
export function createXGrammar(): Promise<XGrammarModule> {
  factory ??= loadFactory();
  return factory({ print: () => {}, printErr: () => {} });
}

function loadFactory(): CreateModule {
  const path = createRequire(import.meta.url).resolve('@mlc-ai/web-xgrammar');
  const source = readFileSync(path, 'utf8');
  if (!source.includes(KEPT_INSTANCE))
    throw new Error('@mlc-ai/web-xgrammar has another layout than its pinned version');
  const exported: { createModule?: CreateModule } = {};
  const evaluate = new Function(
    'exports',
    'module',
    'require',
    '__filename',
    '__dirname',
    source.replace(KEPT_INSTANCE, `${KEPT_INSTANCE} exports.createModule = Module;`),
  );
  evaluate(exported, { exports: exported }, createRequire(path), path, dirname(path));
  return exported.createModule!;
}
