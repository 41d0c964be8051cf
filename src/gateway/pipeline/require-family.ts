import { fail } from '#kernel/errors/index.js';
import { modernRevisions, type ClientFacts } from '#protocol/model/index.js';
import type { Route } from '#protocol/server/index.js';
import type { Catalog } from '../catalog/index.js';

/**
 * Refuses a client where nothing speaks its family and nothing is bridged. Each family is answered as a server of the
 * other one would: a legacy client learns which revisions there are; a modern one gets no code of its own family, so
 * that a client of both falls back to initialize.
 * @throws SW_REVISION_UNSUPPORTED, SW_BRIDGE_OFF
 */
export function requireFamily(catalog: Catalog, route: Route, { family, revision }: ClientFacts): void {
  if (catalog.speaks(route.provider, family)) return;
  if (family === 'modern') throw fail('SW_BRIDGE_OFF', { family });
  throw fail('SW_REVISION_UNSUPPORTED', { requested: revision, supported: modernRevisions });
}
