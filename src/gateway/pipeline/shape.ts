import { countedBytes, type ByteBudget, type CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { isObject, RawResult } from '#protocol/jsonrpc/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import { withShownApps } from '../catalog/index.js';
import type { Flow } from './flow.js';

/**
 * The names of the route, the form that the client's family gives a tool's output, and the output limit. Bytes of an
 * upstream were bounded while they arrived; an object made in process is measured here, by a walk over its strings
 * that is much cheaper than writing it.
 * @throws SW_RESULT_TOO_LARGE
 */
export function shape(given: ModelResult, flow: Flow, maxResultBytes: number): ModelResult {
  const { call, target } = flow;
  const named = target && call.route.provider === undefined ? withShownApps(target.provider.id, given) : given;
  const nests = target?.kind === 'tool' && call.client.family === 'legacy';
  const result = nests ? legacy.legacyOutput(named, target.outputSchema) : named;
  const bytes = result instanceof RawResult ? result.byteLength : sizeOf(result, maxResultBytes);
  flow.bytesOut = bytes;
  if (bytes > maxResultBytes) throw fail('SW_RESULT_TOO_LARGE', { maxBytes: maxResultBytes });
  return result;
}

/**
 * Counts a large result until the answer has left the process, so that size times concurrency has a bound.
 * @throws SW_OVERLOADED
 */
export function hold(result: ModelResult, scope: CallScope, budget: ByteBudget): ModelResult {
  if (!(result instanceof RawResult) || result.byteLength < countedBytes) return result;
  const bytes = result.byteLength;
  if (!budget.reserve(bytes)) throw fail('SW_OVERLOADED', { reason: 'results in flight fill their budget' });
  scope.onEnd(() => {
    budget.release(bytes);
  });
  return result;
}

/** A lower bound of the JSON text's length; stops as soon as it passes `limit`. */
function sizeOf(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (Array.isArray(value)) {
    let size = 2;
    for (const item of value) {
      size += sizeOf(item, limit) + 1;
      if (size > limit) return size;
    }
    return size;
  }
  if (!isObject(value)) return 4;
  let size = 2;
  for (const name in value) {
    size += name.length + 4 + sizeOf(value[name], limit);
    if (size > limit) return size;
  }
  return size;
}
