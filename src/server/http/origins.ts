/**
 * Who may talk to the server from a browser. The Host header has to be an address, a loopback name or one that was allowed,
 * so that no foreign name that was made to point here (DNS rebinding) reaches it; the Origin has to be the server itself, a
 * loopback page or one that was allowed, and only those get the headers of CORS (Fetch Standard, "CORS protocol").
 */
import { isIP } from 'node:net';
import { RequestError } from './failure.ts';

/** Names and origins beyond those that are always allowed; `*` allows all. */
export interface AllowedOrigins {
  /** Host names, with or without a port; without one, any port is meant. */
  readonly hosts: readonly string[];
  /** As in `https://chat.example.org`. */
  readonly origins: readonly string[];
}

/** Most of what a preflight may name is what it gets back. */
const LONGEST_HEADER_LIST = 1000;

/**
 * Checks where a request comes from.
 *
 * @returns the headers that the answer needs, for what is allowed
 * @throws RequestError 403 `host_not_allowed`, `origin_not_allowed`
 */
export function checkOrigin(headers: Headers, allowed: AllowedOrigins): Record<string, string> {
  const host = headers.get('host');
  // Only requests that came over no network have none.
  if (host !== null && !isAllowedHost(host, allowed.hosts)) {
    throw new RequestError({
      status: 403,
      code: 'host_not_allowed',
      message: `the host "${host.slice(0, 100)}" is not one of this server; allow it with --allow-host if it is`,
    });
  }
  const origin = headers.get('origin');
  if (origin === null) return {};
  if (!isAllowedOrigin(origin, host, allowed.origins)) {
    throw new RequestError({
      status: 403,
      code: 'origin_not_allowed',
      message: `pages of "${origin.slice(0, 100)}" may not use this server; allow them with --allow-origin`,
    });
  }
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, retry-after',
    vary: 'origin',
  };
}

/** The answer to a browser's question whether it may send a request (a preflight) from an allowed origin. */
export function preflightResponse(request: Headers, origin: Record<string, string>): Response {
  const asked = request.get('access-control-request-headers') ?? '';
  const isList = asked.length <= LONGEST_HEADER_LIST && /^[\w-]+(\s*,\s*[\w-]+)*$/.test(asked);
  return new Response(null, {
    status: 204,
    headers: {
      ...origin,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': isList ? asked : 'authorization, content-type, x-api-key',
      'access-control-max-age': '600',
      ...(request.get('access-control-request-private-network') === 'true' && {
        'access-control-allow-private-network': 'true',
      }),
    },
  });
}

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  // A page whose name was rebound sends that name: who sends an address meant the address.
  if (isAddress(name) || isLoopbackName(name)) return true;
  return allowed.some((entry) => {
    const wanted = entry.toLowerCase();
    return wanted === '*' || wanted === name || wanted === host.toLowerCase();
  });
}

function isAllowedOrigin(origin: string, host: string | null, allowed: readonly string[]): boolean {
  if (
    allowed.some((entry) => entry === '*' || entry.replace(/\/$/, '').toLowerCase() === origin.toLowerCase())
  ) {
    return true;
  }
  const url = /^https?:\/\//i.test(origin) && URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined) return false;
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return url.host === host?.toLowerCase() || isLoopbackName(name) || /^127\.|^::1$/.test(name);
}

/** The name of `name`, `name:port` or `[address]:port`, in lower case. */
function hostName(host: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\\@?#\s]+))(?::\d{1,5})?$/i.exec(host);
  return (found?.[1] ?? found?.[2])?.toLowerCase().replace(/\.$/, '');
}

function isAddress(name: string): boolean {
  return isIP(name) !== 0;
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}
