import { SeaworthyError } from '#kernel/errors/index.js';
import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import type { Tool } from '#protocol/model/index.js';
import type { ProviderCall } from '../catalog/index.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { UpstreamContext } from './config.js';
import { RetryBudget } from './retry-budget.js';

/** Methods that change nothing at the server. */
const reads: ReadonlySet<string> = new Set(['resources/read', 'prompts/get', 'completion/complete', 'tasks/get']);
const stateValues = { closed: 0, 'half-open': 1, open: 2 } as const;

/** What one upstream is spared, and which of its calls are made twice. */
export class Resilience {
  readonly #context: UpstreamContext;
  readonly #breaker: CircuitBreaker;
  readonly #budget: RetryBudget;
  /** Tools that say of themselves that calling them twice is calling them once. */
  #repeatable: ReadonlySet<string> = new Set();
  #lastFailure = '';

  constructor(context: UpstreamContext) {
    this.#context = context;
    this.#breaker = new CircuitBreaker(context.breaker, context.clock, (state) => {
      context.metrics?.upstreamCircuit.set({ provider: context.id }, stateValues[state]);
      if (state !== 'half-open') context.logger.info({ circuit: state }, 'the circuit to the upstream changed');
    });
    this.#budget = new RetryBudget(context.clock);
  }

  get circuit(): string {
    return this.#breaker.state;
  }

  /** Takes over the annotations of a fresh list. */
  learn(tools: readonly Tool[]): void {
    this.#repeatable = new Set(tools.filter(saysRepeatable).map(({ name }) => name));
  }

  /** Lets a call pass. @throws SW_UPSTREAM_UNAVAILABLE with `retryAfterMs` while the circuit is open */
  enter(): void {
    const waitMs = this.#breaker.enter();
    if (waitMs > 0) {
      this.#context.metrics?.upstreamRejected.inc({ provider: this.#context.id });
      const reason = `it did not answer lately (${this.#lastFailure})`;
      throw this.#context.faults.unavailable(reason, undefined, { retryAfterMs: Math.ceil(waitMs) });
    }
    this.#budget.called();
  }

  answered(): void {
    this.#breaker.answered();
  }

  /** Takes note of how a call failed. */
  failed(thrown: unknown): void {
    if (!(thrown instanceof SeaworthyError)) return thrown instanceof PeerError ? this.answered() : undefined;
    const { code, details } = thrown;
    if (code === 'SW_UPSTREAM_REFUSED' || code === 'SW_UPSTREAM_REDIRECTED' || code === 'SW_RESULT_TOO_LARGE')
      this.answered();
    else if (isOutage(thrown)) {
      this.#lastFailure = typeof details['reason'] === 'string' ? details['reason'] : 'its time ran out';
      const { retryAfterMs } = details;
      if (typeof retryAfterMs === 'number') this.#breaker.hold(retryAfterMs);
      else this.#breaker.outage();
    } else this.#breaker.undecided();
    if (code.startsWith('SW_UPSTREAM_') || code === 'SW_DEADLINE_EXCEEDED')
      this.#context.metrics?.upstreamFailures.inc({ provider: this.#context.id, code });
  }

  /** True where making the call twice does what making it once does. */
  isRepeatable({ request }: ProviderCall): boolean {
    if (request.method === 'tools/call') return this.#repeatable.has(String(request.params['name']));
    return reads.has(request.method);
  }

  /** Takes a retry out of the budget; false where none is left. */
  mayRetry = (): boolean => {
    const granted = this.#budget.take();
    const outcome = granted ? 'made' : 'refused';
    this.#context.metrics?.upstreamRetries.inc({ provider: this.#context.id, outcome });
    return granted;
  };
}

const saysRepeatable = ({ annotations }: Tool): boolean =>
  isObject(annotations) && (annotations['readOnlyHint'] === true || annotations['idempotentHint'] === true);

/** A refused credential is an answer; a child that does not start has delays of its own. */
function isOutage({ code, details }: SeaworthyError): boolean {
  if (code === 'SW_UPSTREAM_UNAVAILABLE') return !('stderr' in details);
  return code === 'SW_UPSTREAM_LOST' || code === 'SW_DEADLINE_EXCEEDED';
}
