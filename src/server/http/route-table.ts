/** Which routes an app has: for `405 Method Not Allowed`, and for metrics, which need patterns instead of paths. */

/** A route as the framework lists it. */
export interface ListedRoute {
  readonly method: string;
  /** As in `/v1/models/:model{.+}`. */
  readonly path: string;
}

/** What is at a path. */
export interface FoundRoute {
  /** `unmatched` where nothing is. */
  readonly pattern: string;
  readonly methods: readonly string[];
}

/** Looks paths up among routes; middleware (for all methods) is none. */
export function routeTable(routes: readonly ListedRoute[]): (path: string) => FoundRoute {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    if (method === 'ALL') continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === 'GET') known.add('HEAD');
    methods.set(path, known);
  }
  const table = [...methods].map(([pattern, known]) => ({
    pattern,
    methods: [...known],
    expression: expressionOf(pattern),
  }));
  return (path) => {
    const found = table.filter(({ expression }) => expression.test(path));
    if (found.length === 0) return { pattern: 'unmatched', methods: [] };
    return { pattern: found[0]!.pattern, methods: [...new Set(found.flatMap((route) => route.methods))] };
  };
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split(/(:\w+(?:\{[^}]*\})?|\*)/).map((part) => {
    if (part === '*') return '.*';
    if (/^:\w/.test(part)) return `(?:${/\{(.*)\}$/.exec(part)?.[1] ?? '[^/]+'})`;
    return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
