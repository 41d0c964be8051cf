import { createHash, randomBytes } from 'node:crypto';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import { interactiveMethods, type Family, type ModelResult } from '#protocol/model/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import { ParkedCall } from './parked-call.js';
import { isPageState, PageQuestions } from './page-questions.js';

/** Bounds of the calls that wait for a client. */
export interface ParkingLimits {
  readonly maxCalls: number;
  readonly maxCallsPerPrincipal: number;
  /** Bytes of all questions, and of results that nobody has fetched yet. */
  readonly maxBytes: number;
  /** How long a call waits for its client, all rounds together, milliseconds. */
  readonly parkedMs: number;
}

/** Why a call could not wait, or not go on. */
export type ParkingRefusal = 'calls' | 'principal' | 'bytes' | 'age' | 'closed' | 'state' | 'expired';

export interface ParkingOptions {
  readonly sealer: Sealer;
  readonly limits: ParkingLimits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of every change. */
  readonly onChange?: (calls: number, bytes: number) => void;
  readonly onRefused?: (reason: ParkingRefusal) => void;
}

/** Tells our states from those of upstreams, which pass through unchanged. */
const statePrefix = 'swp1.';

interface Parked {
  readonly call: ParkedCall;
  readonly expiry: NodeJS.Timeout;
  bytes: number;
}

/**
 * The cell modern client, legacy upstream: keeps the calls whose upstream has asked something, under hard caps, until
 * the client's retry comes. The state that a client carries is sealed and names the call, the principal, what was
 * called and the round; it is good once. Calls are in memory: a state from another replica, or from before a restart,
 * is refused and nothing runs twice.
 */
export class Parking {
  readonly #options: ParkingOptions;
  readonly #pages: PageQuestions;
  /** Names this process in the states that it seals. */
  readonly #node = randomBytes(6).toString('base64url');
  readonly #parked = new Map<string, Parked>();
  readonly #perPrincipal = new Map<string, number>();
  /** Providers that are on their way out: their calls may finish, but not wait. */
  readonly #leaving = new WeakSet<Invocable>();
  #draining = false;
  #bytes = 0;

  constructor(options: ParkingOptions) {
    this.#options = options;
    this.#pages = new PageQuestions(options.sealer, options.now, options.limits.parkedMs);
  }

  /** Calls that wait for their client now. */
  get size(): number {
    return this.#parked.size;
  }

  /**
   * Makes the call of a modern client, or goes on with one that had to wait for an answer.
   * @throws SW_STATE_INVALID, SW_OVERLOADED, SW_CONCURRENCY_LIMITED, SW_PARKED_EXPIRED, SW_CAPABILITY_MISSING,
   *   SW_INPUT_DECLINED, SW_INPUT_ROUNDS, SW_INPUT_UNAVAILABLE and what the provider raises
   */
  async invoke(provider: Invocable, call: ProviderCall): Promise<ModelResult> {
    const digest = () => digestOf(call);
    try {
      if (!interactiveMethods.has(call.request.method)) return await provider.invoke(call);
      return await this.#begin(provider, call);
    } catch (thrown) {
      return this.#pages.ask(thrown, provider, call, digest);
    }
  }

  /** Ends what waits for a provider that leaves; what is running may finish. */
  endOf(provider: Invocable): void {
    this.#leaving.add(provider);
    for (const { call } of [...this.#parked.values()]) if (originOf(call.provider) === provider) call.cancel('drain');
  }

  /** Ends everything that waits: no retry can come any more. */
  stop(): void {
    this.#draining = true;
    for (const { call } of [...this.#parked.values()]) call.cancel('drain');
  }

  #begin(provider: Invocable, call: ProviderCall): Promise<ModelResult> {
    const { requestState, inputResponses } = call.request.params;
    if (typeof requestState === 'string' && requestState.startsWith(statePrefix))
      return this.#resume(provider, call, requestState, inputResponses);
    const afterPages = typeof requestState === 'string' && isPageState(requestState);
    if (afterPages) this.#counted(() => this.#pages.check(requestState, provider, call, digestOf(call)));
    const family = familyOf(provider);
    // Before the first list nothing is known: a new call may have to park, a retry can only be the server's own.
    const mayBeTheServers = family === undefined && (requestState !== undefined || inputResponses !== undefined);
    if (family === 'modern' || mayBeTheServers) return provider.invoke(afterPages ? withoutAnswers(call) : call);
    if (requestState !== undefined && !afterPages)
      throw this.#refuse('state', invalid('it is not one of ours, and this server gives none'));
    const id = randomBytes(12).toString('base64url');
    const events = {
      park: (parked: ParkedCall) => this.#park(parked),
      hold: ({ id: held }: ParkedCall, bytes: number) => this.#hold(held, bytes),
      done: (parked: ParkedCall) => {
        this.#remove(parked.id);
      },
    };
    return new ParkedCall(id, digestOf(call), provider, call, events).start(withoutAnswers(call));
  }

  #resume(provider: Invocable, call: ProviderCall, state: string, responses: unknown): Promise<ModelResult> {
    const parked = this.#counted(() => this.#find(provider, call, state));
    parked.answer(responses);
    // It runs again: it holds no place until it asks once more.
    this.#remove(parked.id);
    return parked.attach(call);
  }

  /** The waiting call that a state names. @throws SW_STATE_INVALID */
  #find(provider: Invocable, call: ProviderCall, state: string): ParkedCall {
    const opened = this.#options.sealer.open(state.slice(statePrefix.length));
    if (!opened.ok) throw invalid('it was changed or is not ours');
    const { node, id, principal, round, expires } = opened.value;
    if (typeof expires !== 'number' || expires < this.#options.now()) throw invalid('it has expired');
    if (principal !== call.scope.principal.id) throw invalid('it was given to somebody else');
    if (node !== this.#node) throw invalid('the process that held the call is gone, or is another one');
    const parked = this.#parked.get(String(id))?.call;
    if (!parked) throw invalid('it was used already, or the call has ended');
    if (parked.provider.id !== provider.id || parked.digest !== digestOf(call))
      throw invalid('it belongs to another call');
    if (parked.round !== round) throw invalid('it was used already');
    return parked;
  }

  #park(call: ParkedCall): string {
    const { limits, sealer, now } = this.#options;
    const { bytes } = call;
    const mine = this.#perPrincipal.get(call.principalId) ?? 0;
    call.expiresAt ??= now() + limits.parkedMs;
    const left = call.expiresAt - now();
    if (this.#draining) throw this.#refuse('closed', fail('SW_DRAINING'));
    if (this.#leaving.has(originOf(call.provider))) throw this.#refuse('closed', leavingError(call.provider.id));
    if (left <= 0) throw this.#refuse('age', fail('SW_PARKED_EXPIRED', { parkedMs: limits.parkedMs }));
    if (this.#parked.size >= limits.maxCalls)
      throw this.#refuse('calls', fail('SW_OVERLOADED', { reason: `${limits.maxCalls} calls wait for their clients` }));
    if (this.#bytes + bytes > limits.maxBytes)
      throw this.#refuse('bytes', fail('SW_OVERLOADED', { reason: 'questions to clients fill their budget' }));
    if (mine >= limits.maxCallsPerPrincipal) throw this.#refuse('principal', tooManyError(limits.maxCallsPerPrincipal));
    const expiry = setTimeout(() => {
      this.#options.onRefused?.('expired');
      // The client did not come back: nothing is wrong with the server, whose circuit counts deadlines.
      call.cancel('client');
    }, left).unref();
    this.#parked.set(call.id, { call, bytes, expiry });
    this.#perPrincipal.set(call.principalId, mine + 1);
    this.#bytes += bytes;
    this.#changed();
    const { id, principalId: principal, round, expiresAt: expires } = call;
    return statePrefix + sealer.seal({ node: this.#node, id, principal, round, expires });
  }

  /** Counts what a waiting call holds besides; false where there is no room. */
  #hold(id: string, bytes: number): boolean {
    const parked = this.#parked.get(id);
    if (!parked) return true;
    if (this.#bytes + bytes > this.#options.limits.maxBytes) {
      this.#options.onRefused?.('bytes');
      return false;
    }
    parked.bytes += bytes;
    this.#bytes += bytes;
    this.#changed();
    return true;
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
    this.#changed();
  }

  #changed(): void {
    this.#options.onChange?.(this.#parked.size, this.#bytes);
  }

  #refuse(reason: ParkingRefusal, error: SeaworthyError): SeaworthyError {
    this.#options.onRefused?.(reason);
    return error;
  }

  /** Does a check whose failure is a refused state. */
  #counted<Value>(check: () => Value): Value {
    try {
      return check();
    } catch (error) {
      this.#options.onRefused?.('state');
      throw error;
    }
  }
}

const invalid = (reason: string) => fail('SW_STATE_INVALID', { reason });
const tooManyError = (limit: number) =>
  fail('SW_CONCURRENCY_LIMITED', { limit, scope: 'principal (calls that wait for an answer)' });
const leavingError = (provider: string) =>
  fail('SW_UPSTREAM_UNAVAILABLE', { provider, reason: 'it is being stopped or replaced' });

/** Who leaves is the provider itself, also where a call goes through a translation of it. */
const originOf = (provider: Invocable): Invocable => provider.behind ?? provider;

/** A server that speaks the modern family asks through its own results; a module too. Undefined: not known yet. */
const familyOf = (provider: Invocable): Family | undefined =>
  provider.kind === 'module' ? 'modern' : provider.snapshot()?.family;

/** The call as it was made first: what a retry adds is for us. */
function withoutAnswers(call: ProviderCall): ProviderCall {
  const { inputResponses: _responses, requestState: _state, ...params } = call.request.params;
  return { ...call, request: { ...call.request, params } };
}

/** What is called: method, target and arguments. */
function digestOf({ request }: ProviderCall): string {
  const { name, uri, arguments: given } = request.params;
  const text = JSON.stringify([request.method, name, uri, request.argumentsText ?? given]);
  return createHash('sha256').update(text).digest('base64url');
}
