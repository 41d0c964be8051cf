import { fail } from '#kernel/errors/index.js';
import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import {
  canBeAsked,
  capabilitiesFor,
  interactiveMethods,
  type InputQuestion,
  type JsonObject,
  type ModelResult,
} from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import { maxRounds } from './rounds.js';
import { toModel } from './parked-call.js';

const statePrefix = 'swu1.';

/** True for the states that this file seals. */
export const isPageState = (state: string): boolean => state.startsWith(statePrefix);

/**
 * A legacy server may refuse a call until its user has opened pages (-32042, 2025-11-25). A modern client is asked to
 * open them, and its retry makes the call anew: nothing is kept open in between, so any replica can take the retry.
 */
export class PageQuestions {
  readonly #sealer: Sealer;
  readonly #now: () => number;
  readonly #ttlMs: number;

  /** `ttlMs`: how long the client may take. */
  constructor(sealer: Sealer, now: () => number, ttlMs: number) {
    this.#sealer = sealer;
    this.#now = now;
    this.#ttlMs = ttlMs;
  }

  /**
   * The question to the client that an error of its call is, in the modern family.
   * @throws the error itself where it is another one; SW_CAPABILITY_MISSING, SW_INPUT_ROUNDS, SW_INPUT_UNAVAILABLE,
   *   SW_UPSTREAM_PROTOCOL
   */
  ask(
    error: unknown,
    provider: Invocable,
    { request, client, scope }: ProviderCall,
    digest: () => string,
  ): ModelResult {
    if (!(error instanceof PeerError) || error.error.code !== legacy.pagesRequired) throw error;
    const pages = legacy
      .pagesOf(error.error)
      .map((params): InputQuestion => ({ method: 'elicitation/create', params }));
    if (pages.length === 0)
      throw fail('SW_UPSTREAM_PROTOCOL', { provider: provider.id, reason: '-32042 without pages to open' }, error);
    if (!interactiveMethods.has(request.method)) throw fail('SW_INPUT_UNAVAILABLE', { method: 'elicitation/create' });
    if (!pages.every((page) => canBeAsked(client.capabilities, page)))
      throw fail('SW_CAPABILITY_MISSING', { requiredCapabilities: capabilitiesFor(pages) });
    const round = this.#roundOf(request.params['requestState']) + 1;
    if (round > maxRounds) throw fail('SW_INPUT_ROUNDS', { maxRounds });
    const asked = pages.map(({ method, params }, index) => [`elicitation_${index + 1}`, toModel(method, params)]);
    const state = {
      principal: scope.principal.id,
      provider: provider.id,
      digest: digest(),
      pages: pages.length,
      round,
      expires: this.#now() + this.#ttlMs,
    };
    const requestState = statePrefix + this.#sealer.seal(state);
    return { resultType: 'input_required', inputRequests: Object.fromEntries(asked) as JsonObject, requestState };
  }

  /**
   * Checks the retry of a call. Pages without an answer are asked for again, by the server itself.
   * @throws SW_STATE_INVALID, SW_PARAMS_INVALID, SW_INPUT_DECLINED
   */
  check(state: string, provider: Invocable, { request, scope }: ProviderCall, digest: string): void {
    const opened = this.#sealer.open(state.slice(statePrefix.length));
    if (!opened.ok) throw invalid('it was changed or is not ours');
    const { principal, provider: asker, digest: called, pages, expires } = opened.value;
    if (typeof expires !== 'number' || expires < this.#now()) throw invalid('it has expired');
    if (principal !== scope.principal.id) throw invalid('it was given to somebody else');
    if (asker !== provider.id || called !== digest) throw invalid('it belongs to another call');
    const { inputResponses = {} } = request.params;
    if (!isObject(inputResponses)) throw fail('SW_PARAMS_INVALID', { reason: 'inputResponses must be an object' });
    for (let page = 1; page <= Number(pages); page++) requireConsent(inputResponses, `elicitation_${page}`);
  }

  #roundOf(state: unknown): number {
    if (typeof state !== 'string' || !isPageState(state)) return 0;
    const opened = this.#sealer.open(state.slice(statePrefix.length));
    return opened.ok ? Number(opened.value['round']) : 0;
  }
}

function requireConsent(responses: JsonObject, key: string): void {
  if (!Object.hasOwn(responses, key)) return;
  const response = responses[key];
  if (!isObject(response)) throw fail('SW_PARAMS_INVALID', { reason: `inputResponses.${key} must be an object` });
  if (response['action'] !== 'accept') throw fail('SW_INPUT_DECLINED', { method: 'elicitation/create' });
}

const invalid = (reason: string) => fail('SW_STATE_INVALID', { reason });
