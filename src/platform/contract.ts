/** Compile-time proof that both platforms answer the same questions. */
import type * as browser from './browser.ts';
import type * as node from './node.ts';

type Shape<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R : unknown };

/** Fails to compile when browser.ts lacks, or answers differently, something that node.ts offers. */
export type PlatformsAgree = Shape<typeof browser> extends Shape<typeof node> ? true : never;
/** The proof itself. */
export const platformsAgree: PlatformsAgree = true;
