import { randomUUID } from 'node:crypto';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import { isObject, PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import { canBeAsked, type JsonObject, type ModelResult } from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import { maxRounds } from './rounds.js';

/** A result that only carries state means "retry later": this is when. */
const stateOnlyWaitMs = 1000;

/**
 * The cell legacy client, modern provider: an `input_required` result becomes requests to the client on the call's
 * own stream, and the call is made again with the answers and the exact state, until it completes.
 * @throws SW_INPUT_ROUNDS, SW_INPUT_UNAVAILABLE, SW_CANCELLED, and the error that the client answers
 */
export async function fulfilInput(provider: Invocable, call: ProviderCall): Promise<ModelResult> {
  let params = call.request.params;
  // What the client itself put there is of its first call only: an old state must not come back in a later round.
  const { inputResponses: _responses, requestState: _state, ...same } = params;
  for (let round = 0; ; round++) {
    const result = await provider.invoke({ ...call, request: { ...call.request, params } }).catch(refused(call));
    if (!needsInput(result)) return result;
    if (round === maxRounds) throw fail('SW_INPUT_ROUNDS', { maxRounds });
    const { inputRequests, requestState } = result instanceof RawResult ? result.toObject() : result;
    const asked = isObject(inputRequests) ? inputRequests : {};
    const refusal = firstUnanswerable(asked, call);
    if (refusal !== undefined) return unaskable(asked, call, refusal);
    const inputResponses = await askClient(asked, call);
    if (Object.keys(asked).length === 0) await pause(call, stateOnlyWaitMs);
    if (call.scope.cancelled) throw fail('SW_CANCELLED');
    params = {
      ...same,
      ...(Object.keys(inputResponses).length > 0 ? { inputResponses } : {}),
      ...(requestState === undefined ? {} : { requestState }),
    };
  }
}

function needsInput(result: ModelResult): boolean {
  const type =
    result instanceof RawResult
      ? result.has('resultType')
        ? result.get('resultType')
        : undefined
      : result['resultType'];
  return type === 'input_required';
}

/** The questions go out together; answers may come in any order. */
export async function askClient(asked: JsonObject, { channel }: ProviderCall): Promise<JsonObject> {
  const entries = await Promise.all(
    Object.entries(asked).map(async ([key, request]) => {
      const { method, params } = request as { method: string; params?: JsonObject };
      return [key, await channel.ask?.(method, legacyParams(method, params ?? {}))] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** URL elicitations have an id in the legacy family only. */
const legacyParams = (method: string, params: JsonObject): JsonObject =>
  method === 'elicitation/create' && params['mode'] === 'url' && params['elicitationId'] === undefined
    ? { ...params, elicitationId: randomUUID() }
    : params;

/** The method of the first question that this client cannot be asked. */
export function firstUnanswerable(asked: JsonObject, { client, channel }: ProviderCall): string | undefined {
  for (const request of Object.values(asked)) {
    const method = isObject(request) && typeof request['method'] === 'string' ? request['method'] : 'unknown';
    const params = isObject(request) && isObject(request['params']) ? request['params'] : {};
    if (!channel.ask || !canBeAsked(client.capabilities, { method, params })) return method;
  }
  return undefined;
}

/** Where only pages are to be opened, a client of 2025-11-25 without a way back can do that and call again. */
function unaskable(asked: JsonObject, call: ProviderCall, method: string): ModelResult {
  const questions = Object.values(asked).map((request) => request as { method: string; params: JsonObject });
  const onlyPages = questions.every((question) => isObject(question) && isPage(question));
  const { client, channel } = call;
  if (channel.ask || client.revision !== '2025-11-25' || !onlyPages) return unanswerable(call, method);
  if (!questions.every((question) => canBeAsked(client.capabilities, question))) return unanswerable(call, method);
  throw new PeerError(legacy.pagesError(questions.map(({ method, params }) => legacyParams(method, params))));
}

const isPage = ({ method, params }: { method: unknown; params: unknown }): boolean =>
  method === 'elicitation/create' && isObject(params) && params['mode'] === 'url';

/** A tool that cannot get its input has failed; other methods have no room for that in their result. */
export function unanswerable(
  { request }: ProviderCall,
  method: string,
  requiredCapabilities?: JsonObject,
): ModelResult {
  const error = fail('SW_INPUT_UNAVAILABLE', { method, requiredCapabilities });
  if (request.method !== 'tools/call') throw error;
  return { isError: true, content: [{ type: 'text', text: `${error.message} (${error.code}). ${error.hint}` }] };
}

/** Refusals that the client's revision does not have, in words that it has. @throws the error where it has it */
const refused =
  (call: ProviderCall) =>
  (error: unknown): ModelResult => {
    const code = error instanceof SeaworthyError ? error.entry.rpc : (error as Partial<PeerError>).error?.code;
    // An unfinished page is known to 2025-11-25 alone, a missing capability to the modern family.
    if (code === legacy.pagesRequired && call.client.revision !== '2025-11-25')
      return unanswerable(call, 'elicitation/create');
    if (code !== -32021) throw error;
    const requiredCapabilities = requiredBy(error);
    const method = Object.keys(requiredCapabilities).join(', ') || 'a client capability';
    return unanswerable(call, method, requiredCapabilities);
  };

function requiredBy(error: unknown): JsonObject {
  const data = error instanceof SeaworthyError ? error.details : (error as PeerError).error.data;
  const required = isObject(data) ? data['requiredCapabilities'] : undefined;
  return isObject(required) ? required : {};
}

/** Waits, but not for a call that has been cancelled. */
export const pause = ({ scope }: ProviderCall, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    scope.onCancel(() => {
      clearTimeout(timer);
      resolve();
    });
  });
