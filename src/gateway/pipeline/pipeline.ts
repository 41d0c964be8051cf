import { fail } from '#kernel/errors/index.js';
import type { ByteBudget } from '#kernel/context/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { toSeaworthyError } from '#kernel/errors/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import type { Handler, InboundCall, Listener, Listening } from '#protocol/server/index.js';
import type { Authenticator } from '../auth/index.js';
import type { Catalog, ListMethod } from '../catalog/index.js';
import type { CallLimits, Concurrency, RateLimits } from '../limits/index.js';
import { authenticate } from './authenticate.js';
import { authorize } from './authorize.js';
import { invoke, type CallParts } from './call.js';
import { confirm, needsConfirmation, type ConfirmationParts } from './confirm.js';
import type { Flow } from './flow.js';
import { limitConcurrency, limitTool } from './limit.js';
import { listen } from './listen.js';
import { recordEnd, recordListen, recordSessionEnd, requireAudit, type Recorder } from './record.js';
import { resolve } from './resolve.js';
import type { SchemaChecks } from './schema-checks.js';
import { hold, shape } from './shape.js';
import { TaskCalls, type TaskTokens } from '../tasks/index.js';
import { validate } from './validate.js';

export interface PipelineOptions {
  readonly authenticator: Authenticator;
  readonly catalog: Catalog;
  readonly rates: RateLimits;
  /** Outlives the pipeline: what runs goes on when the configuration changes. */
  readonly running: Concurrency;
  readonly limits: CallLimits & { readonly callTimeoutMs: number; readonly maxResultBytes: number };
  /** Absent where arguments are not validated here. */
  readonly checks: SchemaChecks | undefined;
  readonly parking: CallParts['parking'];
  /** How people agree to calls whose rule demands it. */
  readonly confirmations: ConfirmationParts;
  /** The ids under which clients know tasks. */
  readonly taskTokens: TaskTokens;
  /** Bytes of results held at once. */
  readonly budget: ByteBudget;
  readonly recorder: Recorder;
  readonly logger: Logger;
}

/** The stages that a call passes, in this order; `authenticate` comes before its body is read. */
export const stages = [
  'authenticate',
  'limit',
  'resolve',
  'authorize',
  'validate',
  'confirm',
  'call',
  'shape',
  'record',
] as const;

/** The path of every request: each method, on each transport, of each family, goes through `handle` or `listen`. */
export function createPipeline(options: PipelineOptions): Handler {
  const { catalog, limits, rates, recorder, running, taskTokens, parking } = options;
  const tasks = new TaskCalls(taskTokens, parking, options.logger);
  const parts: CallParts = { timeoutMs: limits.callTimeoutMs, parking, tasks };

  async function handle(call: InboundCall): Promise<ModelResult> {
    const flow: Flow = {
      call,
      rights: catalog.rightsOf(call.scope.principal),
      view: undefined,
      target: undefined,
      invokedAt: undefined,
      answeredAt: undefined,
      bytesOut: undefined,
      release: undefined,
    };
    try {
      const result = await pass(flow);
      recordEnd(recorder, flow, result, undefined);
      return result;
    } catch (error) {
      if (!(error instanceof PeerError)) logFailure(flow, error);
      const shaped = asToolResult(flow, error);
      recordEnd(recorder, flow, shaped, error);
      if (shaped) return shaped;
      throw error;
    } finally {
      flow.release?.();
    }
  }

  async function pass(flow: Flow): Promise<ModelResult> {
    const waiting = rates.api(flow.call.scope.principal.id);
    if (waiting) await waiting;
    requireAudit(recorder);
    await resolve(flow, catalog, taskTokens);
    const decision = authorize(flow);
    const limiting = limitTool(flow, rates);
    if (limiting) await limiting;
    validate(flow, options.checks);
    limitConcurrency(flow, running, limits, recorder);
    const { target, view } = flow;
    if (!target) return fromView(flow.call, view, catalog);
    const asked = needsConfirmation(decision, flow.call)
      ? await confirm(flow.call, target, options.confirmations)
      : undefined;
    if (asked && 'question' in asked) return asked.question;
    flow.invokedAt = performance.now();
    const answer = await invoke(flow, asked?.target ?? target, parts);
    flow.answeredAt = performance.now();
    const result = asked ? asked.finish(answer) : answer;
    return hold(shape(result, flow, limits.maxResultBytes), flow.call.scope, options.budget);
  }

  /** Interests have a rate of their own and leave a record; their admission is asked for each URI. */
  function listenLimited(listener: Listener): Listening {
    let listening: Listening | undefined;
    let closed = false;
    const begin = async () => {
      await rates.listen(listener.principal.id);
      requireAudit(recorder);
      listening = listen(listener, catalog, taskTokens);
      if (closed) listening.close();
      return listening.acknowledged;
    };
    const acknowledged = begin();
    recordListen(recorder, listener, acknowledged);
    return {
      acknowledged,
      close() {
        closed = true;
        listening?.close();
      },
    };
  }

  function logFailure({ call, target }: Flow, error: unknown): void {
    const known = toSeaworthyError(error);
    const fields = {
      requestId: call.scope.id,
      principal: call.scope.principal.id,
      method: call.request.method,
      provider: target?.provider.id,
      code: known.code,
    };
    if (known.kind === 'caller') options.logger.info(fields, known.message);
    else options.logger.warn({ ...fields, err: known }, known.message);
  }

  return {
    authenticate: (credentials) => authenticate(credentials, options.authenticator, rates, recorder),
    enter: (address) => {
      rates.enter(address);
    },
    admit: (principal) => rates.api(principal.id),
    serves: (route) => catalog.serves(route.provider),
    speaks: (route, family) => catalog.speaks(route.provider, family),
    handle,
    listen: listenLimited,
    ended: (ended) => {
      recordSessionEnd(recorder, ended);
      for (const provider of catalog.providers) provider.sessionEnded?.(ended.session);
    },
  };
}

/**
 * Discovery and lists come from the view, without asking any provider.
 * @throws SW_METHOD_UNKNOWN, SW_CURSOR_INVALID, SW_UPSTREAM_UNAVAILABLE where a route is closed while one is away
 */
function fromView({ request, client, route }: InboundCall, view: Flow['view'], catalog: Catalog): ModelResult {
  const { method, params } = request;
  if (!view || !(method === 'server/discover' || isListMethod(method))) throw fail('SW_METHOD_UNKNOWN', { method });
  const unavailable = catalog.unavailable(route.provider, view);
  if (method !== 'server/discover') return view.list(method, client.family, params['cursor'], unavailable);
  return client.family === 'legacy' ? view.legacyDiscover : view.discover;
}

const isListMethod = (method: string): method is ListMethod =>
  method === 'tools/list' ||
  method === 'prompts/list' ||
  method === 'resources/list' ||
  method === 'resources/templates/list';

/** Wrong arguments are the tool's failure in both families (2025-11-25, tools: error handling), so a model can mend them. */
function asToolResult({ call }: Flow, error: unknown): ModelResult | undefined {
  if (call.request.method !== 'tools/call') return undefined;
  const known = toSeaworthyError(error);
  if (known.code !== 'SW_ARGUMENTS_INVALID') return undefined;
  return { content: [{ type: 'text', text: `${known.message} ${known.hint}` }], isError: true };
}
