/**
 * How long a model stays loaded, as Ollama's clients write it: seconds as a number, or a duration as Go writes it (`5m`,
 * `1h30m`, `-1s`). Below 0 is for ever.
 */
import { z } from 'zod';

const SECONDS_PER: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const DURATION = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/;
const PART = /(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g;
const LONGEST_TEXT = 64;

/** A length of time in seconds. */
export const keepAlive: z.ZodType<number | undefined> = z
  .union([z.number(), z.string()], { error: 'must be seconds, or a duration such as "5m"' })
  .nullable()
  .optional()
  .transform((value, issues) => {
    if (value === null || value === undefined) return undefined;
    const seconds = typeof value === 'number' ? value : parseDuration(value);
    if (seconds !== undefined) return seconds;
    issues.addIssue({ code: 'custom', message: 'is no duration; give seconds, "5m", or "-1" for ever' });
    return z.NEVER;
  });

/** Seconds of a duration; undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  // Go wants a unit with every number but 0; clients send bare numbers all the same, and mean seconds.
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  const [, sign, parts] = DURATION.exec(text) ?? [];
  if (parts === undefined) return undefined;
  let seconds = 0;
  for (const [, count, unit] of parts.matchAll(PART)) seconds += Number(count) * SECONDS_PER[unit!]!;
  return sign === '-' ? -seconds : seconds;
}
