import { fail } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { Flow } from './flow.js';
import { checkParamHeaders } from './param-headers.js';
import type { SchemaChecks } from './schema-checks.js';

/**
 * Arguments against the tool's schema, and the mirrored headers against the arguments. Modules check their own
 * arguments with the schema that they were written with.
 * @throws SW_PARAMS_INVALID, SW_HEADER_MISMATCH, SW_ARGUMENTS_INVALID
 */
export function validate({ target, call }: Flow, checks: SchemaChecks | undefined): void {
  if (target?.kind !== 'tool') return;
  const given = target.params['arguments'];
  if (given !== undefined && !isObject(given))
    throw fail('SW_PARAMS_INVALID', { reason: 'arguments must be an object' });
  if (!target.inputSchema) return;
  if (call.header) checkParamHeaders(target.inputSchema, given ?? {}, call.header);
  if (!checks || target.provider.kind === 'module') return;
  const problems = checks.problemsOf(target.inputSchema, given ?? {});
  if (problems !== undefined) throw fail('SW_ARGUMENTS_INVALID', { name: target.name, reason: problems });
}
