/**
 * `fetch` that goes through the proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, for Node.js, whose own asks none of them
 * before version 24. undici is loaded only where such a variable is set.
 */
const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY'] as const;

/** The `fetch` for servers out in the network. */
export async function networkFetch(): Promise<typeof fetch> {
  const isProxied = VARIABLES.some((name) => process.env[name] || process.env[name.toLowerCase()]);
  if (!isProxied) return globalThis.fetch;
  const { EnvHttpProxyAgent, fetch: proxiedFetch } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  // The same interface; the two packages only declare its types each for themselves.
  const request = proxiedFetch as unknown as (input: unknown, init: unknown) => Promise<Response>;
  return (input, init) => request(input, { ...init, dispatcher });
}
