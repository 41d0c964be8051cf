import { fail } from '#kernel/errors/index.js';
import type { Flow } from './flow.js';

/**
 * Admission of a call: the same question that made the list. A resource can be read without being listed, so the
 * view alone would not do. @throws SW_ACCESS_DENIED
 */
export function authorize({ rights, target }: Flow): void {
  if (target && !rights.admits(target.provider.id, target.kind, target.name))
    throw fail('SW_ACCESS_DENIED', { kind: target.kind, name: target.name });
}
