import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import { guardedRequest } from '#kernel/http/index.js';
import type { Logger } from '#kernel/telemetry/index.js';

export interface IssuerKeysOptions {
  /** Its identifier, exactly as its tokens and its metadata write it. */
  readonly issuer: string;
  /** Where its keys are; without, its metadata says so. */
  readonly jwksUri: string | undefined;
  /** Addresses that it may be reached at. */
  readonly network: 'public' | 'any';
  /** Milliseconds for which the last known keys are believed while they cannot be read again. */
  readonly maxStaleMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** After this long the keys are read again, milliseconds. */
const freshMs = 600_000;
/** How often an unknown key id may make us look, and a failure be tried again, milliseconds. */
const forcedMs = 30_000;
const retryMs = 5000;

/**
 * The keys that an authorization server signs with: read when they are first needed, kept, and read again when they
 * are old or a token names one that is not there (rotation).
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly readAt: number } | undefined;
  #reading: Promise<void> | undefined;
  #failed: { readonly error: SeaworthyError; readonly at: number } | undefined;
  #forcedAt = -Infinity;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** Finds the key of a token, by its header alone. @throws SW_ISSUER_UNAVAILABLE, and errors of jose */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.#current();
    try {
      return await keys(header, token);
    } catch (error) {
      const now = this.#options.now();
      if (!(error instanceof errors.JWKSNoMatchingKey) || now - this.#forcedAt < forcedMs) throw error;
      this.#forcedAt = now;
      await this.#read();
      return (await this.#current())(header, token);
    }
  };

  async #current(): Promise<ReturnType<typeof createLocalJWKSet>> {
    const { now, maxStaleMs } = this.#options;
    const age = () => (this.#keys ? now() - this.#keys.readAt : Infinity);
    if (age() > freshMs && now() - (this.#failed?.at ?? -Infinity) > retryMs) await this.#read();
    if (this.#keys && age() <= freshMs + maxStaleMs) return this.#keys.find;
    throw this.#failed?.error ?? fail('SW_ISSUER_UNAVAILABLE', { issuer: this.#options.issuer });
  }

  /** One look at a time; a failure is kept, not thrown: older keys may still do. */
  #read(): Promise<void> {
    this.#reading ??= this.#load().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #load(): Promise<void> {
    const { issuer, now } = this.#options;
    try {
      const uri = this.#options.jwksUri ?? (await this.#discover());
      const set = await this.#fetchJson(uri);
      if (!Array.isArray(set?.['keys'])) throw fail('SW_ISSUER_METADATA', { reason: 'the key set has no keys' });
      // A symmetric key in a public set is a mistake at best.
      const keys = (set['keys'] as JSONWebKeySet['keys']).filter(({ kty }) => kty !== 'oct');
      this.#keys = { find: createLocalJWKSet({ keys }), readAt: now() };
      this.#failed = undefined;
    } catch (cause) {
      // The reason may say what our network looks like: it is not for clients.
      this.#options.logger.warn({ issuer, reason: reasonOf(cause) }, 'the keys of an issuer could not be read');
      this.#failed = { error: fail('SW_ISSUER_UNAVAILABLE', { issuer }, cause), at: now() };
    }
  }

  /** RFC 8414 and OpenID Connect Discovery; the specification of MCP fixes the order. */
  async #discover(): Promise<string> {
    const { issuer } = this.#options;
    for (const address of metadataAddresses(issuer)) {
      const metadata = await this.#fetchJson(address);
      if (!metadata) continue;
      // RFC 8414, section 3.3: else one server could speak for another.
      if (metadata['issuer'] !== issuer) throw fail('SW_ISSUER_METADATA', { reason: 'it names another issuer' });
      const uri = metadata['jwks_uri'];
      if (typeof uri === 'string') return uri;
    }
    throw fail('SW_ISSUER_METADATA', { reason: 'there is none with a jwks_uri' });
  }

  /** @returns undefined for an answer that is not 200 */
  async #fetchJson(url: string): Promise<Record<string, unknown> | undefined> {
    const { status, body } = await guardedRequest(url, {
      headers: { accept: 'application/json' },
      allow: this.#options.network,
      maxBytes: 512 * 1024,
      timeoutMs: 5000,
    });
    if (status !== 200) return undefined;
    const value = JSON.parse(body.toString()) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  }
}

/** Where the metadata of an issuer may be. */
export function metadataAddresses(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  );
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`];
}
