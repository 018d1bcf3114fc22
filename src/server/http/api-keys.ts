/** The keys that requests must carry, as `Authorization: Bearer KEY` (OpenAI) or `x-api-key: KEY` (Anthropic). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BitnetError } from '../../index.ts';
import { RequestError } from './failure.ts';

/** Checks requests; undefined where no key is asked for. */
export type CheckKey = (headers: Headers) => void;

/**
 * A check against these keys. How long it takes does not tell how much of a key was right: digests are compared, all of
 * them, in constant time.
 *
 * @returns undefined for no keys; throws RequestError 401 `invalid_api_key`
 * @throws BitnetError `option/apiKeys` for a key that no header can carry
 */
export function keyCheck(keys: readonly string[]): CheckKey | undefined {
  if (keys.length === 0) return undefined;
  if (!keys.every((key) => /^[\x21-\x7e]{1,512}$/.test(key))) {
    throw new BitnetError(
      'option/apiKeys',
      'an API key is 1 to 512 visible ASCII characters without spaces, and one that was given is not',
    );
  }
  const digests = keys.map(digest);
  return (headers) => {
    const given =
      /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? headers.get('x-api-key');
    const wanted = digest(given ?? '');
    let isKnown = false;
    for (const known of digests) isKnown = timingSafeEqual(known, wanted) || isKnown;
    if (isKnown) return;
    throw new RequestError({
      status: 401,
      code: 'invalid_api_key',
      message:
        given == null
          ? 'an API key is needed: send it as "Authorization: Bearer KEY" or "x-api-key: KEY"'
          : 'the API key is not one of this server',
    });
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
