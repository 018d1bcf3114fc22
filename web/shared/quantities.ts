/** Numbers as people read them: bytes, seconds, rates, each with two or three digits and its unit. */

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** As in `1.19 GB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${digits(value)} ${BYTE_UNITS[unit]}`;
}

/** As in `0.8 s` or `3 min`. */
export function secondsText(seconds: number): string {
  if (seconds < 0.0995) return `${digits(seconds * 1000)} ms`;
  if (seconds < 99.5) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5970) return `${Math.round(seconds / 60)} min`;
  return `${digits(seconds / 3600)} h`;
}

/** A number with two digits, or as many as it has before the point. */
export function rateText(rate: number): string {
  if (rate >= 9.95) return Math.round(rate).toLocaleString('en');
  return rate >= 0.995 ? rate.toFixed(1) : rate.toPrecision(1);
}

function digits(value: number): string {
  if (value >= 99.5 || Number.isInteger(value)) return String(Math.round(value));
  return value >= 9.95 ? value.toFixed(1) : value.toFixed(2);
}
