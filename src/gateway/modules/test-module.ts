import type { ProviderEvent } from '#gateway/catalog/index.js';
import { CallScope, type Principal } from '#kernel/context/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { silentLogger, type Logger } from '#kernel/telemetry/index.js';
import { fakeClock, type FakeClock } from '#kernel/time/index.js';
import {
  latestLegacy,
  latestModern,
  type ClientFacts,
  type JsonObject,
  type ModelNotification,
} from '#protocol/model/index.js';
import { RawResult } from '#protocol/jsonrpc/index.js';
import type { Module } from './definition.js';
import type { ModuleProvider } from './module-provider.js';
import { moduleProvider } from './provider.js';

export interface TestModuleOptions {
  /** Where the module may keep files. Default: a path that does not exist. */
  readonly dataDir?: string;
  readonly clock?: FakeClock;
  /** Default: silent. */
  readonly log?: Logger;
}

/** How the played client calls. */
export interface TestCallOptions {
  /** Default: the principal `local:test`. */
  readonly principal?: Principal;
  /** Client capabilities. Default: none. */
  readonly capabilities?: JsonObject;
  /** Default: modern. */
  readonly family?: 'modern' | 'legacy';
  readonly logLevel?: ClientFacts['logLevel'];
  /** `_meta` of the request, as in `{ progressToken: 1 }`. */
  readonly meta?: JsonObject;
  /** The answers of this round, and the state of the one before. */
  readonly inputResponses?: unknown;
  readonly requestState?: unknown;
  /** Collects the notifications of the call, in order. */
  readonly notifications?: ModelNotification[];
  /** The scope of the call, for a test that cancels it. */
  readonly scope?: CallScope;
}

/** A started module and the ways to call it. Results are spelled as on the wire; refusals reject. */
export interface TestModule {
  readonly provider: ModuleProvider;
  readonly clock: FakeClock;
  /** What the module raised outside of calls. */
  readonly events: ProviderEvent[];
  callTool(name: string, args?: JsonObject, options?: TestCallOptions): Promise<JsonObject>;
  readResource(uri: string, options?: TestCallOptions): Promise<JsonObject>;
  getPrompt(name: string, args?: Record<string, string>, options?: TestCallOptions): Promise<JsonObject>;
  /** `params` as in `completion/complete`. */
  complete(params: JsonObject, options?: TestCallOptions): Promise<JsonObject>;
  stop(): Promise<void>;
}

/** The caller of a test that names none. */
export const testPrincipal: Principal = { id: 'local:test', kind: 'local', name: 'test', roles: ['admin'] };

/**
 * Provisions and starts a module.
 * @throws SW_CONFIG_INVALID, and whatever the module throws while it starts
 */
export async function testModule(
  module: Module,
  config: unknown = {},
  options: TestModuleOptions = {},
): Promise<TestModule> {
  const { clock = fakeClock(), dataDir = '/nonexistent/seaworthy-test', log = silentLogger } = options;
  const sealer = createSealer(memoryKeyRing(), `module ${module.id}`);
  const provider = moduleProvider(module, config, { log, clock, dataDir, sealer });
  const events: ProviderEvent[] = [];
  provider.onEvent((event) => events.push(event));
  await provider.start();
  const invoke = (method: string, params: JsonObject, call: TestCallOptions = {}) =>
    invokeProvider(provider, method, params, call);
  return {
    provider,
    clock,
    events,
    callTool: (name, args = {}, call) => invoke('tools/call', { name, arguments: args }, call),
    readResource: (uri, call) => invoke('resources/read', { uri }, call),
    getPrompt: (name, args = {}, call) => invoke('prompts/get', { name, arguments: args }, call),
    complete: (params, call) => invoke('completion/complete', params, call),
    stop: () => provider.stop(),
  };
}

let calls = 0;

async function invokeProvider(
  provider: ModuleProvider,
  method: string,
  given: JsonObject,
  options: TestCallOptions,
): Promise<JsonObject> {
  const { principal = testPrincipal, capabilities = {}, family = 'modern', logLevel, notifications = [] } = options;
  const params = { ...given };
  if (options.meta !== undefined) params['_meta'] = options.meta;
  if (options.inputResponses !== undefined) params['inputResponses'] = options.inputResponses;
  if (options.requestState !== undefined) params['requestState'] = options.requestState;
  const result = await provider.invoke({
    request: { method, params },
    client: { family, revision: family === 'modern' ? latestModern : latestLegacy, capabilities, logLevel },
    scope: options.scope ?? new CallScope(`test-${++calls}`, principal, 0),
    channel: { notify: (notification) => notifications.push(notification) },
    session: undefined,
  });
  return result instanceof RawResult ? result.toObject() : result;
}
