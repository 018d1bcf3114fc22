/**
 * Numbers between bounds as regular expressions over their decimal digits. All have few enough digits to be told apart as
 * doubles, so that what is above a bound in writing is above it when read.
 */

/** A bound of a range; `digits` as written, without sign. */
interface Decimal {
  readonly whole: string;
  /** Without zeros at its end. */
  readonly fraction: string;
}

/** Bounds of a number. */
export interface NumberBounds {
  readonly low: number;
  readonly high: number;
  readonly lowExcluded: boolean;
  readonly highExcluded: boolean;
}

/** Largest whole part that is written: 15 digits are exact in a double. */
export const LARGEST_WHOLE = 999_999_999_999_999;
/** Most digits of a bound's fraction. */
export const BOUND_FRACTION_DIGITS = 9;
const FRACTION_DIGITS = 10;
const SIGNIFICANT_DIGITS = 15;
const DIGIT = '[0-9]';

/** Any number, and any whole one. */
export const ANY_NUMBER = '-?(?:0|[1-9][0-9]{0,14})(?:\\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?';
export const ANY_INTEGER = '(?:0|-?[1-9][0-9]{0,14})';

/** Whole numbers from `low` to `high`, both included and safe; undefined where there are none. */
export function integerPattern(low: number, high: number): string | undefined {
  const from = Math.max(low, -LARGEST_WHOLE);
  const to = Math.min(high, LARGEST_WHOLE);
  if (from > to) return undefined;
  const ways: string[] = [];
  if (from < 0) ways.push(`-${wholeBetween(Math.max(1, -to), -from)}`);
  if (to >= 0) ways.push(wholeBetween(Math.max(0, from), to));
  return anyOf(ways);
}

/** Numbers within bounds, without exponents; undefined where there are none. */
export function numberPattern(bounds: NumberBounds): string | undefined {
  const { low, high, lowExcluded, highExcluded } = bounds;
  if (low > high || (low === high && (lowExcluded || highExcluded))) return undefined;
  const ways: (string | undefined)[] = [];
  if (high >= 0) {
    const isCut = low < 0;
    ways.push(between(isCut ? 0 : low, high, !isCut && lowExcluded, highExcluded));
  }
  if (low < 0) {
    const isCut = high >= 0;
    const way = between(isCut ? 0 : -high, -low, isCut || highExcluded, lowExcluded);
    ways.push(way === undefined ? undefined : `-${way}`);
  }
  const some = ways.filter((way) => way !== undefined);
  return some.length === 0 ? undefined : anyOf(some);
}

/** Numbers from `low` (0 or more) to `high`. */
function between(low: number, high: number, lowExcluded: boolean, highExcluded: boolean): string | undefined {
  const a = decimal(low);
  const b = high > LARGEST_WHOLE ? { whole: String(LARGEST_WHOLE), fraction: '' } : decimal(high);
  const [from, to] = [Number(a.whole), Number(b.whole)];
  const ways: string[] = [];
  if (from === to) {
    if (a.fraction === '' && !lowExcluded && (b.fraction !== '' || !highExcluded)) ways.push(a.whole);
    const rest = restBetween(a.fraction, b.fraction, lowExcluded, highExcluded, tail(a, b));
    if (rest !== undefined) ways.push(`${a.whole}\\.${rest}`);
  } else {
    if (a.fraction === '' && !lowExcluded) ways.push(a.whole);
    ways.push(`${a.whole}\\.${atLeast(a.fraction, lowExcluded, tail(a, a), true)}`);
    if (from + 1 <= to - 1) {
      ways.push(`${wholeBetween(from + 1, to - 1)}(?:\\.${DIGIT}{1,${FRACTION_DIGITS}})?`);
    }
    if (b.fraction !== '' || !highExcluded) ways.push(b.whole);
    const rest = b.fraction === '' ? undefined : atMost(b.fraction, highExcluded, tail(b, b), true);
    if (rest !== undefined) ways.push(`${b.whole}\\.${rest}`);
  }
  return ways.length === 0 ? undefined : anyOf(ways);
}

/** Digits that may follow a bound's own and still make another double. */
function tail(a: Decimal, b: Decimal): number {
  const used = Math.max(a.whole.length, b.whole.length) + Math.max(a.fraction.length, b.fraction.length);
  return Math.max(0, Math.min(FRACTION_DIGITS, SIGNIFICANT_DIGITS - used - 1));
}

/** Fractions between two with the same whole part; at least one digit. */
function restBetween(
  low: string,
  high: string,
  lowExcluded: boolean,
  highExcluded: boolean,
  more: number,
): string | undefined {
  const length = Math.max(low.length, high.length);
  const [a, b] = [low.padEnd(length, '0'), high.padEnd(length, '0')];
  if (a === b) return length === 0 || lowExcluded || highExcluded ? undefined : a;
  let same = 0;
  while (a[same] === b[same]) same++;
  const [from, to] = [Number(a[same]), Number(b[same])];
  const ways = [`${from}${atLeast(trimmed(a.slice(same + 1)), lowExcluded, more, false)}`];
  if (from + 1 <= to - 1) ways.push(`[${from + 1}-${to - 1}]${DIGIT}{0,${more}}`);
  const upper = atMost(trimmed(b.slice(same + 1)), highExcluded, more, false);
  if (upper !== undefined) ways.push(`${to}${upper}`);
  return `${a.slice(0, same)}${anyOf(ways)}`;
}

/** Digits of a fraction that is at least (or above) one. */
function atLeast(digits: string, excluded: boolean, more: number, needsDigit: boolean): string {
  if (digits === '')
    return excluded ? `${DIGIT}{0,${more}}[1-9]` : `${DIGIT}{${needsDigit ? 1 : 0},${more + 1}}`;
  const first = Number(digits[0]);
  const ways = [`${first}${atLeast(digits.slice(1), excluded, more, false)}`];
  if (first < 9) ways.push(`[${first + 1}-9]${DIGIT}{0,${more}}`);
  return anyOf(ways);
}

/** Digits of a fraction that is at most (or below) one. */
function atMost(digits: string, excluded: boolean, more: number, needsDigit: boolean): string | undefined {
  if (digits === '') return excluded ? undefined : '0?';
  const first = Number(digits[0]);
  const ways: string[] = [];
  if (first > 0) ways.push(`[0-${first - 1}]${DIGIT}{0,${more}}`);
  const rest = atMost(digits.slice(1), excluded, more, false);
  if (rest !== undefined) ways.push(`${first}${rest}`);
  if (!needsDigit) ways.push('');
  return ways.length === 0 ? undefined : anyOf(ways);
}

/** Whole numbers from `low` (0 or more) to `high`. */
function wholeBetween(low: number, high: number): string {
  const ways: string[] = [];
  for (let from = low; from <= high; ) {
    const length = String(from).length;
    const to = Math.min(high, Number('9'.repeat(length)));
    ways.push(sameLength(String(from), String(to)));
    from = to + 1;
  }
  return anyOf(ways);
}

function sameLength(low: string, high: string): string {
  const rest = low.length - 1;
  if (rest < 0) return '';
  const free = rest === 0 ? '' : `${DIGIT}{${rest}}`;
  if (/^0*$/.test(low.slice(1)) && /^9*$/.test(high.slice(1))) return `[${low[0]}-${high[0]}]${free}`;
  if (low[0] === high[0]) return `${low[0]}${sameLength(low.slice(1), high.slice(1))}`;
  const [from, to] = [Number(low[0]), Number(high[0])];
  const ways = [`${from}${sameLength(low.slice(1), '9'.repeat(rest))}`];
  if (from + 1 <= to - 1) ways.push(`[${from + 1}-${to - 1}]${free}`);
  ways.push(`${to}${sameLength('0'.repeat(rest), high.slice(1))}`);
  return anyOf(ways);
}

/** A number of 0 or more as digits, without exponent. */
function decimal(value: number): Decimal {
  const [whole = '0', fraction = ''] = value.toFixed(BOUND_FRACTION_DIGITS).split('.');
  return { whole, fraction: trimmed(fraction) };
}

function trimmed(digits: string): string {
  return digits.replace(/0+$/, '');
}

function anyOf(ways: readonly string[]): string {
  return ways.length === 1 ? ways[0]! : `(?:${ways.join('|')})`;
}
