import type { CallScope, Principal } from '#kernel/context/index.js';
import { logLevels, type ClientFacts, type JsonObject, type LogLevel } from '#protocol/model/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import { fail } from '#kernel/errors/index.js';
import type { Clock } from '#kernel/time/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import { canAnswer, type InputKind } from './input-request.js';
import { InputResponses } from './input-responses.js';

/** What a tool, resource or prompt sees of the call it answers. */
export interface ModuleCall {
  readonly principal: Principal;
  /** Aborted when the client cancels or the deadline passes; made when first asked for. */
  readonly signal: AbortSignal;
  readonly scope: CallScope;
  readonly client: ClientFacts;
  /** `params._meta` without the envelope: progress token, trace context, vendor members. */
  readonly meta: JsonObject;
  /** The client's answers of this round. */
  readonly responses: InputResponses;
  /** The value given to `inputRequired` in the round before; undefined in the first. */
  readonly state: unknown;
  /** True where the client declared that it can answer: ask nothing else. */
  can(kind: InputKind): boolean;
  /** Sends a log message to the client, where it wants that level. `logger` defaults to the module's id. */
  log(level: LogLevel, data: unknown, logger?: string): void;
  /** Tells how far the work is, where the client wants to know. `done` grows with each report. */
  progress(done: number, total?: number, message?: string): void;
  /** Waits `ms` milliseconds. Rejects with SW_CANCELLED when the call is cancelled meanwhile. */
  sleep(ms: number): Promise<void>;
  /** Lets the client's stream end for now; it comes back for the answer (2025-11-25 polling, else nothing happens). */
  suspend(retryMs?: number): void;
}

const rank = (level: LogLevel): number => logLevels.indexOf(level);

/** True where the client wants log messages of this level: modern ones say so per request, legacy ones from info on. */
export function wantsLog(client: ClientFacts, level: LogLevel): boolean {
  const threshold = client.logLevel ?? (client.family === 'legacy' ? 'info' : undefined);
  return threshold !== undefined && rank(level) >= rank(threshold);
}

/** A `ModuleCall` over one `ProviderCall`. Falls silent when the call has been answered. */
export class RunningCall implements ModuleCall {
  readonly responses: InputResponses;
  readonly #call: ProviderCall;
  readonly #module: { readonly id: string; readonly clock: Clock };
  #state: unknown;
  #over = false;

  /** @throws SW_PARAMS_INVALID when `inputResponses` is not an object */
  constructor(call: ProviderCall, module: { readonly id: string; readonly clock: Clock }) {
    this.#call = call;
    this.#module = module;
    const answers = call.request.params['inputResponses'];
    if (answers === undefined) this.responses = noResponses;
    else if (isObject(answers)) this.responses = new InputResponses(answers);
    else throw fail('SW_PARAMS_INVALID', { reason: 'inputResponses must be an object' });
  }

  get principal(): Principal {
    return this.#call.scope.principal;
  }
  get signal(): AbortSignal {
    return this.#call.scope.signal;
  }
  get scope(): CallScope {
    return this.#call.scope;
  }
  get client(): ClientFacts {
    return this.#call.client;
  }
  get meta(): JsonObject {
    const meta = this.#call.request.params['_meta'];
    return isObject(meta) ? meta : {};
  }
  get state(): unknown {
    return this.#state;
  }

  can(kind: InputKind): boolean {
    return canAnswer(this.#call.client, kind);
  }

  log(level: LogLevel, data: unknown, logger: string = this.#module.id): void {
    if (this.#over || !wantsLog(this.#call.client, level)) return;
    this.#call.channel.notify({ method: 'notifications/message', params: { level, logger, data } });
  }

  progress(done: number, total?: number, message?: string): void {
    const progressToken = this.meta['progressToken'];
    if (this.#over || progressToken === undefined) return;
    const params: JsonObject = { progressToken, progress: done };
    if (total !== undefined) params['total'] = total;
    if (message !== undefined) params['message'] = message;
    this.#call.channel.notify({ method: 'notifications/progress', params });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#module.clock.after(ms, () => {
        forget();
        resolve();
      });
      const forget = this.#call.scope.onCancel(() => {
        timer.cancel();
        reject(fail('SW_CANCELLED'));
      });
    });
  }

  suspend(retryMs?: number): void {
    if (!this.#over) this.#call.channel.suspend?.(retryMs);
  }

  /** Hands over the state of the round before. */
  resume(state: unknown): void {
    this.#state = state;
  }

  /** No notification may follow the answer. */
  end(): void {
    this.#over = true;
  }
}

const noResponses = new InputResponses();
