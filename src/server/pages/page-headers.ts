/**
 * What a page and each of its files are sent with: nothing from elsewhere and no inline script may run, nobody may frame it,
 * and it is cross-origin isolated, which is what gives WebAssembly threads (HTML Standard, "cross-origin isolation").
 */

/**
 * Content Security Policy Level 3 as far as a `<meta>` can say it, for hosts that send no headers; the build puts it into
 * the pages. `wasm-unsafe-eval` allows WebAssembly to be compiled and no script to be evaluated.
 */
export const PAGE_POLICY: string = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The headers of every file of the pages; a worker takes its policy from its own script's. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `${PAGE_POLICY}; frame-ancestors 'none'`,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
