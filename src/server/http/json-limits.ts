/**
 * A look over JSON text before it is parsed: how deep it nests and how many values it has, without recursion. It finds
 * what would be too much for JSON.parse and for the checks behind it; whether the text is valid is JSON.parse's business.
 */
import { RequestError } from './failure.ts';
import type { RequestLimits } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** @throws RequestError 400 `json_too_deep`, `json_too_large` */
export function checkJsonSize(text: string, limits: Pick<RequestLimits, 'jsonDepth' | 'jsonValues'>): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(text, at);
    } else if (unit === COMMA) {
      values++;
    } else if (unit === 0x7b || unit === 0x5b) {
      values++;
      if (++depth > limits.jsonDepth) {
        throw new RequestError({
          status: 400,
          code: 'json_too_deep',
          message: `the body nests deeper than ${limits.jsonDepth} levels at character ${at}; send flatter JSON`,
        });
      }
    } else if (unit === 0x7d || unit === 0x5d) {
      depth--;
    }
    if (values > limits.jsonValues) {
      throw new RequestError({
        status: 400,
        code: 'json_too_large',
        message: `the body has more than ${limits.jsonValues} values; send less at once`,
      });
    }
  }
}

/** The index of the closing quote of the string that opens at `at`; the end of the text when there is none. */
function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes--;
    if ((end - escapes) % 2 === 0) return end;
  }
  return text.length;
}
