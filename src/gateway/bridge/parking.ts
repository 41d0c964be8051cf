import { createHash, randomBytes } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import { ParkedCall } from './parked-call.js';

/** Bounds of the calls that wait for a client. */
export interface ParkingLimits {
  readonly maxCalls: number;
  readonly maxCallsPerPrincipal: number;
  /** Bytes of all questions that are kept. */
  readonly maxBytes: number;
  /** How long a call waits for its client, milliseconds. */
  readonly parkedMs: number;
}

export interface ParkingOptions {
  readonly sealer: Sealer;
  readonly limits: ParkingLimits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onCount?: (parked: number) => void;
}

/** Tells our states from those of upstreams, which pass through unchanged. */
const statePrefix = 'swp1.';

interface Parked {
  readonly call: ParkedCall;
  readonly bytes: number;
  readonly expiry: NodeJS.Timeout;
}

/**
 * The cell modern client, legacy upstream: keeps the calls whose upstream has asked something, under hard caps, until
 * the client's retry comes. The state that a client carries is sealed and names the call, the principal, what was
 * called and the round; it is good once. Calls are in memory: a state from another replica, or from before a restart,
 * is refused and nothing runs twice.
 */
export class Parking {
  readonly #options: ParkingOptions;
  /** Names this process in the states that it seals. */
  readonly #node = randomBytes(6).toString('base64url');
  readonly #parked = new Map<string, Parked>();
  readonly #perPrincipal = new Map<string, number>();
  #bytes = 0;

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  /** Calls that wait for their client now. */
  get size(): number {
    return this.#parked.size;
  }

  /**
   * Makes a call that may have to wait, or goes on with one that did.
   * @throws SW_STATE_INVALID, SW_OVERLOADED, SW_CONCURRENCY_LIMITED, SW_CAPABILITY_MISSING and what the provider raises
   */
  async invoke(provider: Invocable, call: ProviderCall): Promise<ModelResult> {
    const { requestState } = call.request.params;
    if (typeof requestState === 'string' && requestState.startsWith(statePrefix))
      return this.#resume(provider, call, requestState, call.request.params['inputResponses']);
    if (!speaksLegacyOnly(provider)) return provider.invoke(call);
    if (requestState !== undefined) throw invalid('it is not one of ours, and this server gives none');
    const digest = digestOf(call);
    const id = randomBytes(12).toString('base64url');
    const events = {
      park: (parked: ParkedCall) => this.#park(parked),
      done: (parked: ParkedCall) => {
        this.#remove(parked.id);
      },
    };
    const { inputResponses: _notAskedFor, requestState: _none, ...params } = call.request.params;
    return new ParkedCall(id, digest, provider.id, call, events).start(provider, {
      ...call,
      request: { ...call.request, params },
    });
  }

  /** Cancels everything that waits. */
  stop(): void {
    for (const { call } of [...this.#parked.values()]) call.cancel('client');
  }

  #resume(provider: Invocable, call: ProviderCall, state: string, responses: unknown): Promise<ModelResult> {
    const opened = this.#options.sealer.open(state.slice(statePrefix.length));
    if (!opened.ok) throw invalid('it was changed or is not ours');
    const { node, id, principal, round, expires } = opened.value;
    if (typeof expires !== 'number' || expires < this.#options.now()) throw invalid('it has expired');
    if (principal !== call.scope.principal.id) throw invalid('it was given to somebody else');
    if (node !== this.#node) throw invalid('the replica that held the call is gone');
    const parked = this.#parked.get(String(id))?.call;
    if (!parked) throw invalid('the call has ended');
    if (parked.provider !== provider.id || parked.digest !== digestOf(call))
      throw invalid('it belongs to another call');
    if (parked.attached || parked.round !== round) throw invalid('it was used already');
    parked.answer(responses);
    // It runs again: it holds no place until it asks once more.
    this.#remove(parked.id);
    return parked.attach(call);
  }

  #park(call: ParkedCall): string {
    const { limits, sealer, now } = this.#options;
    const bytes = call.bytes;
    const mine = this.#perPrincipal.get(call.principalId) ?? 0;
    if (this.#parked.size >= limits.maxCalls)
      throw fail('SW_OVERLOADED', { reason: `${limits.maxCalls} calls wait for their clients` });
    if (this.#bytes + bytes > limits.maxBytes)
      throw fail('SW_OVERLOADED', { reason: 'questions to clients fill their budget' });
    if (mine >= limits.maxCallsPerPrincipal)
      throw fail('SW_CONCURRENCY_LIMITED', { limit: limits.maxCallsPerPrincipal, scope: 'principal (parked calls)' });
    const expiry = setTimeout(() => {
      call.cancel('deadline');
    }, limits.parkedMs).unref();
    this.#parked.set(call.id, { call, bytes, expiry });
    this.#perPrincipal.set(call.principalId, mine + 1);
    this.#bytes += bytes;
    this.#options.onCount?.(this.#parked.size);
    return (
      statePrefix +
      sealer.seal({
        node: this.#node,
        id: call.id,
        principal: call.principalId,
        round: call.round,
        expires: now() + limits.parkedMs,
      })
    );
  }

  #remove(id: string): void {
    const parked = this.#parked.get(id);
    if (!parked) return;
    this.#parked.delete(id);
    clearTimeout(parked.expiry);
    this.#bytes -= parked.bytes;
    const { principalId } = parked.call;
    const left = (this.#perPrincipal.get(principalId) ?? 1) - 1;
    if (left > 0) this.#perPrincipal.set(principalId, left);
    else this.#perPrincipal.delete(principalId);
    this.#options.onCount?.(this.#parked.size);
  }
}

const invalid = (reason: string) => fail('SW_STATE_INVALID', { reason });

/** A server that speaks the modern family asks through its own results; a module too. */
const speaksLegacyOnly = (provider: Invocable): boolean =>
  provider.kind !== 'module' && provider.snapshot()?.family === 'legacy';

/** What is called: method, target and arguments. */
function digestOf({ request }: ProviderCall): string {
  const { name, uri, arguments: given } = request.params;
  const text = JSON.stringify([request.method, name, uri, request.argumentsText ?? given]);
  return createHash('sha256').update(text).digest('base64url');
}
