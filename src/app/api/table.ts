import { fail } from '#kernel/errors/index.js';
import type { ApiRoute } from './route.js';

/** Where the REST interface is served. */
export const apiRoot = '/api/v1';

/** A route that a request has found, with the variable parts of its path. */
export interface Match {
  readonly route: ApiRoute;
  readonly params: Readonly<Record<string, string>>;
}

interface Entry {
  readonly pattern: RegExp;
  readonly route: ApiRoute;
}

const admissionPattern = /^(?:authenticated|[a-z][a-z-]*\/(?:read|write))$/;

/** The routes, compiled. No percent sign is a letter of a path: there is one spelling of each address. */
export class RouteTable {
  readonly #entries: readonly Entry[];

  /** @throws SW_MODULE_INVALID for a route without admission, and for two with one address */
  constructor(routes: readonly ApiRoute[]) {
    const seen = new Set<string>();
    this.#entries = routes.map((route) => {
      const place = `${route.method} ${route.path.replace(/\{\w+\}/g, '{}')}`;
      const invalid = (reason: string) => fail('SW_MODULE_INVALID', { module: 'api', reason: `${place} ${reason}` });
      if (!admissionPattern.test(route.admission)) throw invalid('says nothing of its admission');
      if (seen.has(place)) throw invalid('is declared twice');
      seen.add(place);
      return { route, pattern: patternOf(route.path) };
    });
  }

  /** @param path without query. @throws SW_ROUTE_UNKNOWN, SW_HTTP_METHOD */
  find(method: string, path: string): Match {
    const allowed: string[] = [];
    for (const { pattern, route } of this.#entries) {
      const found = pattern.exec(path);
      if (found && route.method === method) return { route, params: { ...found.groups } };
      if (found) allowed.push(route.method);
    }
    throw allowed.length > 0
      ? fail('SW_HTTP_METHOD', { method, allow: allowed.join(', ') })
      : fail('SW_ROUTE_UNKNOWN', { path: 'this path' });
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${apiRoot}${path.replace(/\{(\w+)\}/g, String.raw`(?<$1>[\w.~-]{1,128})`)}$`);
