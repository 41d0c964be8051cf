import type { CallScope } from '#kernel/context/index.js';
import type { OutboundCall } from '#protocol/client/index.js';
import { PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, ModelRequest, SessionRef } from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import type { ProviderCall } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';
import type { Dialer } from './dialer.js';
import type { SessionOwner } from './session-owner.js';

/** Calls in the legacy family: each on the session of whoever makes it. */
export class LegacyCalls {
  readonly #dialer: Dialer;
  readonly #context: UpstreamContext;

  #healed = 0;

  constructor(dialer: Dialer, context: UpstreamContext) {
    this.#dialer = dialer;
    this.#context = context;
  }

  /** The result; undefined where the server does not speak this family. */
  async invoke(call: ProviderCall): Promise<RawResult | undefined> {
    const { client, scope, channel, session } = call;
    const owner = session ? this.ownerOf(session, client, scope.principal.id) : this.#principalOwner(call);
    const request = legacy.encodeLegacy(call.request);
    try {
      const outbound = { request, scope, channel, session, logLevel: client.logLevel };
      if (mayBeAsked(call) && this.#dialer.needsLease(owner)) return await this.#sendAlone(owner, outbound);
      return await this.#send(owner, outbound);
    } catch (thrown) {
      if (!(thrown instanceof PeerError) || client.family === 'legacy') throw thrown;
      throw new PeerError(legacy.modelError(thrown.error, request), thrown.status);
    }
  }

  /** A request of our own on the session of `owner`. @throws SW_UPSTREAM_PROTOCOL where the server is not legacy */
  async own(owner: SessionOwner, request: ModelRequest, scope: CallScope): Promise<RawResult> {
    const result = await this.#send(owner, { request, scope });
    if (!result) throw this.#context.faults.protocol('it does not speak the legacy family any more');
    return result;
  }

  /** Sends on the owner's session; one that the server has forgotten is made anew, once: nothing was processed. */
  async #send(owner: SessionOwner, call: OutboundCall): Promise<RawResult | undefined> {
    for (let attempt = 1; ; attempt++) {
      const session = await this.#dialer.legacy(owner);
      if (!session) return undefined;
      if (owner.ask) session.watch();
      const outcome = await session.request(call);
      if (outcome.kind === 'result') {
        if (attempt > 1) this.#countHealed();
        return outcome.result;
      }
      session.lost();
      if (attempt > 1) throw outcome.error;
    }
  }

  /** Sessions that the server had forgotten and that were made anew. */
  get healed(): number {
    return this.#healed;
  }

  #countHealed(): void {
    this.#healed++;
    this.#context.metrics?.upstreamHealed.inc({ provider: this.#context.id });
  }

  /** Sends on a session that nobody else has meanwhile: whatever the server asks is about this call. */
  async #sendAlone(owner: SessionOwner, call: OutboundCall): Promise<RawResult | undefined> {
    const lease = await this.#dialer.lease(owner, call.scope);
    if (!lease) return undefined;
    let answered = false;
    try {
      const outcome = await lease.session.request(call);
      answered = true;
      if (outcome.kind === 'result') return outcome.result;
      throw outcome.error;
    } catch (thrown) {
      answered ||= thrown instanceof PeerError;
      throw thrown;
    } finally {
      lease.release(!answered);
    }
  }

  /**
   * The owner of a client's session. One whose capabilities are not known may be asked anything; its client refuses.
   * A client that takes questions can be asked outside of its calls too, so its session is watched for them.
   */
  ownerOf(session: SessionRef, client: ClientFacts | undefined, principalId: string | undefined): SessionOwner {
    return {
      key: `session:${session.key}`,
      sessionKey: session.key,
      principalId,
      info: client?.info ?? this.#context.self,
      capabilities: client?.capabilities ?? legacy.everyClientCapability,
      ask: client && takesQuestions(client) ? session.ask : undefined,
    };
  }

  /**
   * A modern client has no session: its principal has. What it can be asked is decided per call by whoever gave the
   * channel; without a channel that asks, nothing is offered.
   */
  #principalOwner = ({ scope, client, channel }: ProviderCall): SessionOwner => ({
    key: `principal:${scope.principal.id}${channel.ask ? '' : ':silent'}`,
    principalId: scope.principal.id,
    info: client.info ?? this.#context.self,
    capabilities: channel.ask ? legacy.everyClientCapability : {},
  });
}

/** True where a question could reach the client. */
const mayBeAsked = ({ channel, client }: ProviderCall): boolean => channel.ask !== undefined && takesQuestions(client);

const takesQuestions = ({ capabilities }: ClientFacts): boolean =>
  capabilities['elicitation'] !== undefined ||
  capabilities['sampling'] !== undefined ||
  capabilities['roots'] !== undefined;
