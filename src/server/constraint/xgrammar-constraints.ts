/**
 * Constraints by XGrammar for one vocabulary (Dong et al., "XGrammar: Flexible and Efficient Structured Generation Engine
 * for Large Language Models", 2024). The grammars are our own (schema/, regex/); XGrammar compiles them to masks.
 */
import { BitnetError } from '../../base/errors.ts';
import type { TokenConstraint } from '../../engine/generation/constraint.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { ConstraintCompiler, ConstraintRequest } from './constraint-compiler.ts';
import { requestGrammar } from './request-grammar.ts';
import {
  type CompilerHandle,
  createXGrammar,
  type Handle,
  type MatcherHandle,
  type XGrammarModule,
} from './xgrammar-module.ts';

/** Bounds of a compiler. */
export interface ConstraintOptions {
  /** Most compiled grammars that are kept; default 64. */
  readonly maxCached?: number;
  /** Most characters of the grammars that are kept; default 4 million. */
  readonly maxCachedUnits?: number;
  /** Bytes of memory beyond which a new instance takes over; the old one goes with its last constraint. Default 1 GiB. */
  readonly maxMemoryBytes?: number;
}

/** Entries of the vocabulary times states of a grammar: about a second's work. */
const STATE_WORK = 6_500_000;
const LEAST_STATES = 16;
const MOST_STATES = 4000;

/** A compiler for the vocabulary of a model. */
export function createConstraintCompiler(
  tokenizer: Tokenizer,
  options: ConstraintOptions = {},
): XGrammarCompiler {
  return new XGrammarCompiler(tokenizer, options);
}

/** An instance with a vocabulary. */
interface Instance {
  readonly module: XGrammarModule;
  readonly compiler: CompilerHandle;
}

/** Compiles for one vocabulary; see the file's header. */
export class XGrammarCompiler implements ConstraintCompiler {
  readonly #tokenizer: Tokenizer;
  readonly #options: ConstraintOptions;
  readonly #maxStates: number;
  /** In the order of their last use. */
  readonly #cache = new Map<string, { readonly compiled: Handle; readonly units: number }>();
  #instance: Promise<Instance> | undefined;
  #disposed = false;
  #memoryBytes = 0;

  constructor(tokenizer: Tokenizer, options: ConstraintOptions) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#maxStates = Math.max(
      LEAST_STATES,
      Math.min(MOST_STATES, Math.round(STATE_WORK / tokenizer.vocabSize)),
    );
  }

  /** Bytes of the memory of the instance in use, after the last compilation. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  async compile(request: ConstraintRequest): Promise<TokenConstraint | undefined> {
    const grammar = requestGrammar(request, this.#maxStates);
    if (grammar === undefined) return undefined;
    if (this.#tokenizer.stopIds.size === 0) {
      throw new BitnetError(
        'option/format',
        'the model has no token that ends a text, which constrained output needs',
      );
    }
    if (this.#disposed) throw new BitnetError('model/disposed', 'the model has been unloaded');
    this.#instance ??= createInstance(this.#tokenizer);
    const instance = await this.#instance;
    try {
      const compiled = this.#compiled(instance, grammar);
      const matcher = new instance.module.GrammarMatcher(compiled, undefined, false, 0);
      return new GrammarConstraint(instance.module, matcher, this.#tokenizer);
    } catch (cause) {
      this.#renew();
      throw new BitnetError('constraint/failed', 'the grammar of the output format could not be compiled', {
        cause,
      });
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#renew();
  }

  #compiled({ module, compiler }: Instance, grammar: string): Handle {
    const known = this.#cache.get(grammar);
    if (known !== undefined) {
      this.#cache.delete(grammar);
      this.#cache.set(grammar, known);
      return known.compiled;
    }
    const parsed = module.Grammar.FromEBNF(grammar, 'root');
    const compiled = compiler.CompileGrammar(parsed);
    parsed.delete();
    this.#cache.set(grammar, { compiled, units: grammar.length });
    this.#trim();
    this.#memoryBytes = module.HEAPU8.length;
    if (this.#memoryBytes > (this.#options.maxMemoryBytes ?? 2 ** 30)) this.#renew();
    return compiled;
  }

  /** Lets go of grammars that were used longest ago, but never of the last one. Constraints keep what they need. */
  #trim(): void {
    const { maxCached = 64, maxCachedUnits = 4_000_000 } = this.#options;
    let units = 0;
    for (const entry of this.#cache.values()) units += entry.units;
    for (const [key, entry] of this.#cache) {
      const fits = this.#cache.size <= maxCached && units <= maxCachedUnits;
      if (fits || this.#cache.size === 1) return;
      this.#cache.delete(key);
      entry.compiled.delete();
      units -= entry.units;
    }
  }

  /** The instance's memory is collected once no constraint uses it. */
  #renew(): void {
    this.#cache.clear();
    this.#instance = undefined;
  }
}

async function createInstance(tokenizer: Tokenizer): Promise<Instance> {
  const module = await createXGrammar();
  const texts = module.vecStringFromJSArray(vocabularyOf(tokenizer));
  const stops = module.vecIntFromJSArray([...tokenizer.stopIds]);
  const info = new module.TokenizerInfo(texts, 'BYTE_LEVEL', tokenizer.vocabSize, stops, false);
  const compiler = new module.GrammarCompiler(info, 1, false);
  for (const handle of [texts, stops, info]) handle.delete();
  return { module, compiler };
}

/**
 * Tokens in the byte-level alphabet of GPT-2, whatever the model's own: strings cross into the instance as UTF-8, and only
 * this form carries every byte. Empty ones, and so control tokens, are never allowed.
 */
export function vocabularyOf(tokenizer: Tokenizer): string[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    if (tokenizer.isSpecial(id) || tokenizer.stopIds.has(id)) return '';
    return Array.from(tokenizer.tokenBytes(id), (byte) => BYTE_CHARACTERS[byte]!).join('');
  });
}

const BYTE_CHARACTERS: readonly string[] = byteCharacters();

/** Printable bytes stand for themselves, others for the characters from U+0100 on. */
function byteCharacters(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCharCode(isPrintable ? byte : 256 + others++);
  });
}

/** A grammar's state for one sequence. */
class GrammarConstraint implements TokenConstraint {
  readonly #module: XGrammarModule;
  readonly #tokenizer: Tokenizer;
  #matcher: MatcherHandle | undefined;
  #mask: Int32Array | undefined;

  constructor(module: XGrammarModule, matcher: MatcherHandle, tokenizer: Tokenizer) {
    this.#module = module;
    this.#matcher = matcher;
    this.#tokenizer = tokenizer;
  }

  mask(): Int32Array {
    this.#mask ??= this.#matcher === undefined ? this.#stopMask() : this.#nextMask(this.#matcher);
    return this.#mask;
  }

  accept(id: number): void {
    this.#mask = undefined;
    if (this.#matcher === undefined) return;
    if (!this.#matcher.AcceptToken(id, false)) {
      throw new Error(`token ${id} was generated against its constraint`);
    }
    // Behind its end the matcher may not be asked any more.
    if (this.#tokenizer.stopIds.has(id)) this.dispose();
  }

  dispose(): void {
    this.#matcher?.delete();
    this.#matcher = undefined;
  }

  #nextMask(matcher: MatcherHandle): Int32Array {
    const { vocabSize } = this.#tokenizer;
    const words = matcher.GetNextTokenBitmask(vocabSize);
    const mask = this.#module.vecIntToView(words).slice();
    words.delete();
    const used = vocabSize & 31;
    if (used !== 0) mask[mask.length - 1]! &= (1 << used) - 1;
    return mask;
  }

  #stopMask(): Int32Array {
    const mask = new Int32Array(Math.ceil(this.#tokenizer.vocabSize / 32));
    for (const id of this.#tokenizer.stopIds) mask[id >> 5]! |= 1 << (id & 31);
    return mask;
  }
}
