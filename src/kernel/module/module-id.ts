import { fail } from '#kernel/errors/index.js';

const idPattern = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Refuses an id that cannot be a configuration key, log name, metric label and prefix at once.
 * @throws SW_MODULE_INVALID
 */
export function checkModuleId(id: string): void {
  if (!idPattern.test(id))
    throw fail('SW_MODULE_INVALID', { module: id, reason: `its id does not match ${idPattern.source}` });
}
