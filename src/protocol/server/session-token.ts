import { randomBytes } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { Principal } from '#kernel/context/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import type { Implementation, JsonObject, Revision } from '../model/index.js';
import type { Route } from './handler.js';

/** Everything that a legacy session is, carried by its id: any process with the key can serve it. */
export interface SessionFacts {
  /** Random, unique; the id of the session inside the process. */
  readonly key: string;
  readonly principalId: string;
  readonly provider: string | undefined;
  readonly revision: Revision;
  readonly info: Implementation | undefined;
  readonly capabilities: JsonObject;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** Revoked session keys until they expire. */
export interface Revocations {
  add(key: string, untilEpochMs: number): void | Promise<void>;
  has(key: string): boolean;
}

export interface SessionTokenOptions {
  readonly sealer: Sealer;
  readonly revocations: Revocations;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Life of a session from initialize on, milliseconds. */
  readonly maxAgeMs: number;
}

/** Opened tokens that are remembered, so that a session costs one decryption and not one per call. */
const rememberedTokens = 10_000;
/** A client's own description is repeated to upstreams, but not without bound. */
const maxFactsBytes = 4096;

/**
 * Makes and opens session ids: `Mcp-Session-Id` is the sealed session itself (AEAD), so that nothing is stored, a
 * restart ends no session, and a forged or foreign id opens nothing.
 */
export class SessionTokens {
  readonly #options: SessionTokenOptions;
  readonly #opened = new Map<string, SessionFacts>();

  constructor(options: SessionTokenOptions) {
    this.#options = options;
  }

  /** @returns the facts and the token that carries them */
  mint(
    principal: Principal,
    route: Route,
    said: Pick<SessionFacts, 'revision' | 'info' | 'capabilities'>,
  ): { facts: SessionFacts; token: string } {
    const facts: SessionFacts = {
      key: randomBytes(12).toString('base64url'),
      principalId: principal.id,
      provider: route.provider,
      revision: said.revision,
      info: said.info && { name: said.info.name, version: said.info.version },
      capabilities: said.capabilities,
      startedAt: this.#options.now(),
    };
    if (JSON.stringify(facts).length > maxFactsBytes)
      throw fail('SW_PARAMS_INVALID', { reason: `clientInfo and capabilities exceed ${maxFactsBytes} bytes` });
    const token = this.#options.sealer.seal({ ...facts });
    this.#remember(token, facts);
    return { facts, token };
  }

  /** The session behind a token. @throws SW_SESSION_UNKNOWN for a forged, expired, ended or somebody else's one */
  open(token: string, principal: Principal, route: Route): SessionFacts {
    const facts = this.#opened.get(token) ?? this.#unseal(token);
    const alive =
      facts !== undefined &&
      facts.principalId === principal.id &&
      facts.provider === route.provider &&
      this.#options.now() - facts.startedAt <= this.#options.maxAgeMs &&
      !this.#options.revocations.has(facts.key);
    if (!alive) throw fail('SW_SESSION_UNKNOWN');
    return facts;
  }

  /** Ends a session for good. */
  async revoke(token: string, facts: SessionFacts): Promise<void> {
    this.#opened.delete(token);
    await this.#options.revocations.add(facts.key, facts.startedAt + this.#options.maxAgeMs);
  }

  #unseal(token: string): SessionFacts | undefined {
    const opened = this.#options.sealer.open(token);
    if (!opened.ok) return undefined;
    // Sound: only our own key seals, and only `mint` seals for this purpose.
    const facts = opened.value as unknown as SessionFacts;
    this.#remember(token, facts);
    return facts;
  }

  #remember(token: string, facts: SessionFacts): void {
    if (this.#opened.size >= rememberedTokens) {
      const oldest = this.#opened.keys().next();
      if (!oldest.done) this.#opened.delete(oldest.value);
    }
    this.#opened.set(token, facts);
  }
}
