import { fail } from '#kernel/errors/index.js';
import type { Decision } from '../policy/index.js';
import type { Flow } from './flow.js';

/**
 * Admission of a call: the same question that made the list, now with its arguments. A resource can be read without
 * being listed, so the view alone would not do. @throws SW_ACCESS_DENIED, SW_SCOPE_INSUFFICIENT
 */
export function authorize({ rights, target }: Flow): Decision | undefined {
  if (!target) return undefined;
  const { provider, kind, name, tool, facts } = target;
  const decision = rights.admit({ provider: provider.id, kind, name, tool }, facts);
  if (decision.allowed) return decision;
  if (decision.reason === 'scope') throw fail('SW_SCOPE_INSUFFICIENT', { kind, name, scopes: decision.requiredScopes });
  throw fail('SW_ACCESS_DENIED', { kind, name });
}
