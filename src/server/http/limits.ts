/** What one request may take: bytes, depth, values and time. Everything a client can send or hold open has a bound here. */
import { BitnetError } from '../../index.ts';

/** Bounds of a request. */
export interface RequestLimits {
  /** Most bytes of a body; default 10,000,000. */
  readonly bodyBytes: number;
  /** Deepest nesting of objects and lists in a body; default 100. */
  readonly jsonDepth: number;
  /** Most values in a body (numbers, texts, objects, lists …); default 1,000,000. */
  readonly jsonValues: number;
  /** Longest time from a request's head to the end of its answer, in seconds; 0 for no end; default 3600. */
  readonly requestSeconds: number;
  /** Longest time in which the client sends nothing of its body, or reads nothing of what is there for it; default 60. */
  readonly idleSeconds: number;
}

/** The bounds where none are given. */
export const DEFAULT_LIMITS: RequestLimits = {
  bodyBytes: 10_000_000,
  jsonDepth: 100,
  jsonValues: 1_000_000,
  requestSeconds: 3600,
  idleSeconds: 60,
};

/** Longest delay of a timer: 2^31 - 1 milliseconds. */
const MOST_SECONDS = 2_147_483;
const MOST: RequestLimits = {
  // A body is held as bytes and as text; V8's longest text has 2^29 characters.
  bodyBytes: 2 ** 28,
  // The recursion of JSON.parse and of the checks behind it stays far from the end of the stack.
  jsonDepth: 1000,
  jsonValues: Number.MAX_SAFE_INTEGER,
  requestSeconds: MOST_SECONDS,
  idleSeconds: MOST_SECONDS,
};

/**
 * The bounds with the defaults filled in.
 *
 * @throws BitnetError `option/<name>`
 */
export function checkLimits(limits: Partial<RequestLimits> = {}): RequestLimits {
  const checked = { ...DEFAULT_LIMITS, ...limits };
  for (const name of Object.keys(MOST) as (keyof RequestLimits)[]) {
    const value = checked[name];
    const isSeconds = name.endsWith('Seconds');
    const least = name === 'requestSeconds' ? 0 : isSeconds ? 0.001 : 1;
    if (value >= least && value <= MOST[name] && (isSeconds || Number.isInteger(value))) continue;
    throw new BitnetError(
      `option/${name}`,
      `${name} is ${value}, and must be a ${isSeconds ? '' : 'whole '}number from ${least} to ${MOST[name]}`,
    );
  }
  return checked;
}
