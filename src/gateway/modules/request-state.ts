import { createHash } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { Sealer } from '#kernel/secrets/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';

/** How long a client may take between two rounds. */
export const stateLifetimeMs = 10 * 60_000;

/** What a state belongs to: it opens for the same caller, target and arguments only. */
export interface StateBinding {
  readonly principalId: string;
  /** Module, method and name: `example tools/call ask_name`. */
  readonly target: string;
  readonly args: JsonObject;
}

/** What travels in `requestState`. */
export interface CallState {
  /** The author's value; undefined where none was given. */
  readonly value: unknown;
  /** Where a confirmation stands, for calls that need one. */
  readonly confirmation?: 'asked' | 'given' | undefined;
}

/** Seals a state for the next round of the same call. Two seals of one state differ. */
export function sealState(sealer: Sealer, binding: StateBinding, state: CallState, now: number): string {
  return sealer.seal({
    principal: binding.principalId,
    target: binding.target,
    digest: digestOf(binding.args),
    until: now + stateLifetimeMs,
    ...state,
  });
}

/**
 * Opens what `sealState` made.
 * @throws SW_STATE_INVALID when it was altered, is too old, or belongs to another caller, target or other arguments
 */
export function openState(sealer: Sealer, binding: StateBinding, token: unknown, now: number): CallState {
  if (typeof token !== 'string') throw invalid('it is not a string');
  const opened = sealer.open(token);
  if (!opened.ok) throw invalid(opened.reason);
  const state = opened.value;
  if (state['target'] !== binding.target) throw invalid('it belongs to another call');
  if (state['principal'] !== binding.principalId) throw invalid('it belongs to another caller');
  if (state['digest'] !== digestOf(binding.args)) throw invalid('the arguments have changed');
  if (typeof state['until'] !== 'number' || state['until'] < now) throw invalid('it has expired');
  return { value: state['value'], confirmation: state['confirmation'] as CallState['confirmation'] };
}

const invalid = (reason: string) => fail('SW_STATE_INVALID', { reason });

const digestOf = (args: JsonObject): string => createHash('sha256').update(canonical(args)).digest('base64url');

/** JSON with sorted members: a client may write the same arguments in another order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(',')}}`;
}
