import { createHash } from 'node:crypto';
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Principal } from '#kernel/context/index.js';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { Credentials } from '#protocol/server/index.js';
import type { Authenticator } from './authenticator.js';
import { IssuerKeys } from './issuer-keys.js';
import { principalOf, type RoleMapping } from './oauth-principal.js';
import type { ProtectedResource } from './protected-resource.js';

/** An authorization server whose access tokens are accepted. */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly jwksUri?: string | undefined;
  /** Audiences that stand for us besides the address of the endpoint. */
  readonly audiences: readonly string[];
  /** `at+jwt`: tokens as RFC 9068 has them. `any`: also `JWT` or none. */
  readonly tokenType: 'at+jwt' | 'any';
  readonly network: 'public' | 'any';
}

export interface OAuthOptions {
  readonly issuers: readonly TrustedIssuer[];
  readonly roles: readonly RoleMapping[];
  readonly requiredScopes: readonly string[];
  readonly clockSkewMs: number;
  readonly maxStaleMs: number;
  readonly resource: ProtectedResource;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  /** Told of each refusal, for metrics: the client learns no reason. */
  readonly onRefused?: ((reason: TokenRefusal) => void) | undefined;
}

export type TokenRefusal =
  'token' | 'issuer' | 'expired' | 'signature' | 'audience' | 'binding' | 'scope' | 'issuer-down';

/** A token longer than this is not looked at, bytes. */
const maxTokenBytes = 8192;
/** Verified tokens that are remembered, and for how long at most: a withdrawn key counts after that. */
const maxRemembered = 10_000;
const rememberMs = 300_000;
/** Only what a public key verifies: a shared secret would let whoever knows the public key sign (RFC 8725, 2.1). */
const algorithms = ['RS', 'PS', 'ES'].flatMap((kind) => ['256', '384', '512'].map((size) => kind + size));
algorithms.push('EdDSA', 'Ed25519');

interface Verified {
  readonly principal: Principal;
  readonly audiences: readonly string[];
  /** Of the configuration: they stand for us at every endpoint. */
  readonly ours: readonly string[];
  readonly until: number;
}

/** Access tokens of trusted issuers (RFC 9068, RFC 6750). A signature is verified once per token. */
export class OAuthAuthenticator implements Authenticator {
  readonly #options: OAuthOptions;
  readonly #issuers: ReadonlyMap<string, { readonly trusted: TrustedIssuer; readonly keys: IssuerKeys }>;
  readonly #remembered = new Map<string, Verified>();

  constructor(options: OAuthOptions) {
    this.#options = options;
    this.#issuers = new Map(
      options.issuers.map((trusted) => {
        const { issuer, jwksUri, network } = trusted;
        const { maxStaleMs, now, logger } = options;
        const keys = new IssuerKeys({ issuer, jwksUri, network, maxStaleMs, now, logger });
        return [issuer, { trusted, keys }];
      }),
    );
  }

  /** @throws SW_TOKEN_INVALID, SW_SCOPE_INSUFFICIENT, SW_ISSUER_UNAVAILABLE */
  authenticate({ header, target }: Credentials): Principal | Promise<Principal> {
    const token = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1];
    if (token === undefined || token.length > maxTokenBytes) throw this.#refused('token');
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#remembered.get(digest);
    if (known && known.until > this.#options.now()) return this.#admit(known, target);
    return this.#verify(token).then((verified) => {
      this.#remember(digest, verified);
      return this.#admit(verified, target);
    });
  }

  /** The audience depends on the endpoint: it is looked at in every request. */
  #admit({ principal, audiences, ours }: Verified, target: string): Principal {
    const mine = this.#options.resource.resourcesOf(target);
    const isForUs = audiences.some((audience) => ours.includes(audience) || mine.includes(audience.replace(/\/$/, '')));
    if (!isForUs) throw this.#refused('audience');
    const { requiredScopes } = this.#options;
    if (!requiredScopes.every((scope) => principal.scopes?.includes(scope))) {
      this.#options.onRefused?.('scope');
      throw fail('SW_SCOPE_INSUFFICIENT', { kind: 'resource', name: mine[0], scopes: requiredScopes });
    }
    return principal;
  }

  async #verify(token: string): Promise<Verified> {
    const { clockSkewMs, now, roles } = this.#options;
    const issuer = this.#issuers.get(issuerOf(token) ?? '');
    if (!issuer) throw this.#refused('issuer');
    const { trusted, keys } = issuer;
    let claims: JWTPayload;
    let type: string | undefined;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
        algorithms,
        issuer: trusted.issuer,
        clockTolerance: clockSkewMs / 1000,
        requiredClaims: ['iss', 'sub', 'aud', 'exp'],
        currentDate: new Date(now()),
      });
      claims = payload;
      type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '');
    } catch (error) {
      if (error instanceof SeaworthyError) this.#options.onRefused?.('issuer-down');
      throw error instanceof SeaworthyError ? error : this.#refused(reasonFor(error), error);
    }
    const isAccessToken = type === 'at+jwt' || (trusted.tokenType === 'any' && (type === undefined || type === 'jwt'));
    if (!isAccessToken || typeof claims.sub !== 'string') throw this.#refused('token');
    // Bound to a key or certificate that nothing here proves: it is no bearer token (RFC 7800, section 3).
    if (claims['cnf'] !== undefined) throw this.#refused('binding');
    const expiresAt = (claims.exp as number) * 1000 + clockSkewMs;
    return {
      principal: principalOf({ ...claims, iss: trusted.issuer, sub: claims.sub }, roles),
      audiences: typeof claims.aud === 'string' ? [claims.aud] : (claims.aud ?? []),
      ours: trusted.audiences,
      until: Math.min(expiresAt, now() + rememberMs),
    };
  }

  #remember(digest: string, verified: Verified): void {
    const oldest = this.#remembered.keys().next().value;
    if (this.#remembered.size >= maxRemembered && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(digest, verified);
  }

  #refused(reason: TokenRefusal, cause?: unknown) {
    this.#options.onRefused?.(reason);
    return fail('SW_TOKEN_INVALID', {}, cause);
  }
}

/** Which issuer a token says that it is of; nothing is believed by this. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const reasonFor = (error: unknown): TokenRefusal => {
  if (error instanceof errors.JWTExpired) return 'expired';
  return error instanceof errors.JWTClaimValidationFailed ? 'token' : 'signature';
};

/**
 * Keys and access tokens side by side. What the request shows decides who judges it, and nobody else is asked: a
 * refusal is never another one's chance.
 */
export const keysOrTokens = (keys: Authenticator, tokens: Authenticator): Authenticator => ({
  authenticate: (credentials) => {
    const { header } = credentials;
    const isToken = /^Bearer +(?!swk_)\S+$/i.test(header('authorization') ?? '') && header('x-api-key') === undefined;
    return (isToken ? tokens : keys).authenticate(credentials);
  },
});
