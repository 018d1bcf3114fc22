/** Numbers as people read them: bytes, counts, seconds and rates, with about three digits. */

/** Bytes in decimal units: `1.57 MB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, [
    [1e12, ' TB'],
    [1e9, ' GB'],
    [1e6, ' MB'],
    [1e3, ' kB'],
    [1, ' bytes'],
  ]);
}

/** A count in short: `2.31 M`. */
export function formatCount(count: number): string {
  return scaled(count, [
    [1e12, ' T'],
    [1e9, ' B'],
    [1e6, ' M'],
    [1e3, ' k'],
    [1, ''],
  ]);
}

/** A whole number with its thousands apart: `1,570,496`. */
export function formatWhole(count: number): string {
  return count.toLocaleString('en-US');
}

/** Seconds: `0.05 s`. */
export function formatSeconds(seconds: number): string {
  return `${threeDigits(seconds)} s`;
}

/** Things per second: `812 tok/s`; undefined rates are `n/a`. */
export function formatRate(perSecond: number | undefined): string {
  return perSecond === undefined ? 'n/a' : `${threeDigits(perSecond)} tok/s`;
}

function scaled(value: number, units: readonly (readonly [size: number, name: string])[]): string {
  // 999.6 kB would be written 1000 kB: what rounds up to the next unit belongs to it.
  const [size, name] = units.find(([size]) => value >= size * 0.9995) ?? units.at(-1)!;
  return `${size === 1 ? String(value) : threeDigits(value / size)}${name}`;
}

function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value.toFixed(decimals);
}
