import { createHash, randomBytes } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import type { Revocations } from '#kernel/shared/index.js';
import { isObject, RawResult } from '#protocol/jsonrpc/index.js';
import { canBeAsked, interactiveMethods, type JsonObject, type ModelResult } from '#protocol/model/index.js';
import type { InboundCall } from '#protocol/server/index.js';
import type { Decision } from '../policy/index.js';
import type { CallTarget } from './flow.js';

export interface ConfirmationParts {
  readonly sealer: Sealer;
  /** Keeps which states were used. */
  readonly revocations: Revocations;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How long the person may take, milliseconds. */
  readonly ttlMs: number;
}

/** What became of a confirmation: the question to answer the client with, or the call that may go on. */
export type Confirmed =
  { readonly question: ModelResult } | { readonly target: CallTarget; finish(result: ModelResult): ModelResult };

/** Tells our states from those of upstreams and of parked calls. */
const statePrefix = 'swa1.';
/** Characters of the arguments that a person is shown. */
const maxShown = 1500;
const answerKey = 'confirmation';

/** True where the call may be made only after the person behind the client has agreed. */
export const needsConfirmation = (decision: Decision | undefined, { request }: InboundCall): boolean =>
  decision?.requiresConfirmation === true && interactiveMethods.has(request.method);

/**
 * Asks the person before the call is made. A legacy client is asked on the stream of its call. A modern one is answered
 * with `input_required`; the sealed state of its retry is bound to caller, target, arguments and time, and good once.
 * Where the call itself then has questions, their state is sealed together with the consent, so that nobody is asked
 * twice for one call.
 * @throws SW_CONFIRMATION_UNAVAILABLE, SW_CONFIRMATION_DECLINED, SW_STATE_INVALID, SW_PARAMS_INVALID,
 *   SW_DEADLINE_EXCEEDED, SW_CANCELLED
 */
export async function confirm(call: InboundCall, target: CallTarget, parts: ConfirmationParts): Promise<Confirmed> {
  const question = questionAbout(target);
  if (call.client.family === 'legacy') {
    await askNow(call, target, question, parts.ttlMs);
    return { target, finish: (result) => result };
  }
  const { requestState, inputResponses, ...params } = target.params;
  const state = typeof requestState === 'string' && requestState.startsWith(statePrefix) ? requestState : undefined;
  const opened = state === undefined ? undefined : open(state, call, target, parts);
  const agreed = { finish: (result: ModelResult) => withConsent(result, call, target, parts) };
  if (opened?.['agreed'] === true) {
    await spend(opened, parts);
    const { inner } = opened;
    const own = {
      ...(inner === undefined ? {} : { requestState: inner }),
      ...(inputResponses === undefined ? {} : { inputResponses }),
    };
    return { ...agreed, target: { ...target, params: { ...params, ...own } } };
  }
  const answer = opened && answerOf(inputResponses);
  if (answer === undefined || !opened) return { question: ask(call, target, question, parts) };
  await spend(opened, parts);
  requireConsent(answer, target);
  return { ...agreed, target: { ...target, params } };
}

/** A form that shows what will be done, its arguments as data: what a model wrote must not pass for our words. */
function questionAbout({ provider, kind, name, params }: CallTarget) {
  const text = visible(JSON.stringify(params['arguments'] ?? {}));
  const shown = text.length > maxShown ? `${text.slice(0, maxShown)}… (${text.length} characters)` : text;
  const message = `Allow ${kind} ${visible(JSON.stringify(name))} of ${provider.id}?\nArguments: ${shown}`;
  const requestedSchema = {
    type: 'object',
    properties: { confirm: { type: 'boolean', title: 'Allow this call', default: false } },
    required: ['confirm'],
  };
  return { method: 'elicitation/create', params: { message, requestedSchema } };
}

/** Marks that reorder or hide text are written out. */
const visible = (text: string): string =>
  text.replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);

type Question = ReturnType<typeof questionAbout>;

function requireAskable({ client }: InboundCall, { kind, name }: CallTarget, question: Question): void {
  if (!canBeAsked(client.capabilities, question)) throw fail('SW_CONFIRMATION_UNAVAILABLE', { kind, name });
}

async function askNow(call: InboundCall, target: CallTarget, question: Question, ttlMs: number): Promise<void> {
  const { kind, name } = target;
  requireAskable(call, target, question);
  if (!call.channel.ask) throw fail('SW_CONFIRMATION_UNAVAILABLE', { kind, name });
  const asked = call.channel.ask(question.method, question.params);
  const answer = await new Promise<JsonObject>((resolve, reject) => {
    const timer = setTimeout(() => reject(fail('SW_DEADLINE_EXCEEDED', { timeoutMs: ttlMs })), ttlMs);
    const detach = call.scope.onCancel(() => {
      clearTimeout(timer);
      reject(fail('SW_CANCELLED'));
    });
    asked.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      detach();
    });
  });
  requireConsent(answer, target);
}

function ask(call: InboundCall, target: CallTarget, question: Question, parts: ConfirmationParts): ModelResult {
  requireAskable(call, target, question);
  const { method, params } = question;
  return {
    resultType: 'input_required',
    inputRequests: { [answerKey]: { method, params: { mode: 'form', ...params } } },
    requestState: seal({ agreed: false }, call, target, parts),
  };
}

function answerOf(responses: unknown): JsonObject | undefined {
  if (responses === undefined) return undefined;
  if (!isObject(responses)) throw fail('SW_PARAMS_INVALID', { reason: 'inputResponses must be an object' });
  const answer = Object.hasOwn(responses, answerKey) ? responses[answerKey] : undefined;
  if (answer !== undefined && !isObject(answer))
    throw fail('SW_PARAMS_INVALID', { reason: `inputResponses.${answerKey} must be an object` });
  return answer;
}

function requireConsent({ action, content }: JsonObject, { kind, name }: CallTarget): void {
  if (action !== 'accept' || !isObject(content) || content['confirm'] !== true)
    throw fail('SW_CONFIRMATION_DECLINED', { kind, name });
}

/** The questions of a call that was agreed to: their answer must not need the consent again. */
function withConsent(
  result: ModelResult,
  call: InboundCall,
  target: CallTarget,
  parts: ConfirmationParts,
): ModelResult {
  const type =
    result instanceof RawResult ? result.has('resultType') && result.get('resultType') : result['resultType'];
  if (type !== 'input_required') return result;
  const whole = result instanceof RawResult ? result.toObject() : result;
  const inner = whole['requestState'];
  const consent = { agreed: true, ...(typeof inner === 'string' ? { inner } : {}) };
  return { ...whole, requestState: seal(consent, call, target, parts) };
}

const seal = (
  consent: { readonly agreed: boolean; readonly inner?: string },
  call: InboundCall,
  target: CallTarget,
  { sealer, now, ttlMs }: ConfirmationParts,
): string =>
  statePrefix +
  sealer.seal({
    ...consent,
    id: randomBytes(12).toString('base64url'),
    principal: call.scope.principal.id,
    digest: digestOf(call, target),
    expires: now() + ttlMs,
  });

/** @throws SW_STATE_INVALID */
function open(state: string, call: InboundCall, target: CallTarget, parts: ConfirmationParts): JsonObject {
  const opened = parts.sealer.open(state.slice(statePrefix.length));
  if (!opened.ok) throw invalid('it was changed or is not ours');
  const { principal, digest, expires } = opened.value;
  if (typeof expires !== 'number' || expires < parts.now()) throw invalid('it has expired');
  if (principal !== call.scope.principal.id) throw invalid('it was given to somebody else');
  if (digest !== digestOf(call, target)) throw invalid('it belongs to another call');
  return opened.value;
}

/** @throws SW_STATE_INVALID for a state that was used */
async function spend({ id, expires }: JsonObject, { revocations }: ConfirmationParts): Promise<void> {
  const key = `confirmation:${String(id)}`;
  if (revocations.has(key)) throw invalid('it was used already');
  await revocations.add(key, Number(expires));
}

function digestOf({ request }: InboundCall, { provider, kind, name, params }: CallTarget): string {
  const text = JSON.stringify([request.method, provider.id, kind, name, request.argumentsText ?? params['arguments']]);
  return createHash('sha256').update(text).digest('base64url');
}

const invalid = (reason: string) => fail('SW_STATE_INVALID', { reason });
