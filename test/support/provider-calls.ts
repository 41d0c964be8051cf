import { CallScope, type Principal } from '#kernel/context/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import type { Family, JsonObject } from '#protocol/model/index.js';
import { testClient, testPrincipal } from '../contract/provider.js';

/** Who makes a call, and what happens when it is asked. */
export interface Caller {
  /** Default `local:test`'s principal. */
  readonly principal?: string;
  /** Key of a legacy session; makes the client a legacy one. */
  readonly session?: string;
  readonly ask?: (method: string, params: JsonObject) => Promise<JsonObject>;
}

/** A call of a tool by somebody in particular. */
export function callBy(caller: Caller, name: string, args: JsonObject = {}): ProviderCall {
  const family: Family = caller.session === undefined ? 'modern' : 'legacy';
  const principal: Principal =
    caller.principal === undefined ? testPrincipal : { ...testPrincipal, id: caller.principal };
  return {
    request: { method: 'tools/call', params: { name, arguments: args } },
    client: testClient(family, caller.ask ? { elicitation: { form: {} } } : {}),
    scope: new CallScope('call', principal, performance.now()),
    channel: { notify: () => {}, ...(caller.ask ? { ask: caller.ask } : {}) },
    session: caller.session === undefined ? undefined : { key: caller.session },
  };
}
