import { fail, type SeaworthyError } from '#kernel/errors/index.js';

export interface ProtectedResourceOptions {
  /** Origin that clients reach us at, such as https://mcp.example.com. */
  readonly origin: string;
  readonly authorizationServers: readonly string[];
  readonly scopesSupported: readonly string[];
  readonly requiredScopes: readonly string[];
}

const wellKnown = '/.well-known/oauth-protected-resource';
const endpointPattern = /^\/(?:mcp|sse|messages)(?:\/([a-z0-9][a-z0-9-]{0,31}))?\/?(?:\?.*)?$/;

/** What we are to OAuth clients: one protected resource per endpoint (RFC 9728). */
export class ProtectedResource {
  readonly #options: ProtectedResourceOptions;

  /** @throws SW_CONFIG_INVALID for an origin that is none */
  constructor(options: ProtectedResourceOptions) {
    if (!URL.canParse(options.origin) || new URL(options.origin).origin !== options.origin)
      throw fail('SW_CONFIG_INVALID', {
        reason: 'auth.oauth.origin is scheme, host and port alone, such as https://mcp.example.com',
      });
    this.#options = options;
  }

  /** The resources of which a token may be used at a request target: the endpoint, and the one that holds all. */
  resourcesOf(target: string): readonly string[] {
    const whole = `${this.#options.origin}/mcp`;
    const provider = endpointPattern.exec(target)?.[1];
    return provider === undefined ? [whole] : [`${whole}/${provider}`, whole];
  }

  /** The metadata document at a request target; undefined where there is none. Says nothing of what exists. */
  metadata(target: string): Readonly<Record<string, unknown>> | undefined {
    if (!target.startsWith(wellKnown)) return undefined;
    const path = target.slice(wellKnown.length);
    if (path !== '' && !endpointPattern.test(path)) return undefined;
    const { authorizationServers, scopesSupported } = this.#options;
    return {
      resource: this.resourcesOf(path)[0],
      authorization_servers: authorizationServers,
      bearer_methods_supported: ['header'],
      ...(scopesSupported.length > 0 && { scopes_supported: scopesSupported }),
    };
  }

  /** The `WWW-Authenticate` header that goes with a refusal (RFC 6750, section 3; RFC 9728, section 5.1). */
  challenge(target: string, error: SeaworthyError): string {
    const resource = this.resourcesOf(target)[0] as string;
    const { origin, requiredScopes } = this.#options;
    const { scopes } = error.details;
    const needed = Array.isArray(scopes) ? (scopes as string[]) : requiredScopes;
    const code =
      error.code === 'SW_SCOPE_INSUFFICIENT'
        ? 'insufficient_scope'
        : error.code === 'SW_TOKEN_INVALID'
          ? 'invalid_token'
          : undefined;
    return [
      'Bearer realm="seaworthy"',
      ...(code === undefined ? [] : [`error="${code}"`]),
      `resource_metadata="${origin}${wellKnown}${resource.slice(origin.length)}"`,
      ...(needed.length === 0 ? [] : [`scope="${needed.join(' ')}"`]),
    ].join(', ');
  }
}
