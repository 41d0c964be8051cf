import { resource, resourceTemplate } from '#gateway/modules/index.js';
import { fail } from '#kernel/errors/index.js';

const ships: Readonly<Record<string, { readonly tonnage: number; readonly port: string }>> = {
  aurora: { tonnage: 1200, port: 'Bergen' },
  borealis: { tonnage: 8400, port: 'Rotterdam' },
  calypso: { tonnage: 310, port: 'Valletta' },
};

/** A resource with a fixed URI. */
export const fleet = resource({
  uri: 'example://fleet',
  name: 'fleet',
  title: 'Fleet',
  description: 'The names of all ships.',
  mimeType: 'application/json',
  cache: { ttlMs: 60_000, cacheScope: 'public' },
  read: () => JSON.stringify(Object.keys(ships)),
});

/** Resources by template; the name completes. */
export const ship = resourceTemplate({
  uriTemplate: 'example://ships/{name}',
  name: 'ship',
  title: 'Ship',
  description: 'Tonnage and home port of one ship.',
  mimeType: 'application/json',
  cache: { ttlMs: 60_000, cacheScope: 'public' },
  complete: { name: (prefix) => Object.keys(ships).filter((name) => name.startsWith(prefix)) },
  read({ name = '' }, _call, uri) {
    const found = Object.hasOwn(ships, name) ? ships[name] : undefined;
    if (!found) throw fail('SW_RESOURCE_UNKNOWN', { uri });
    return JSON.stringify({ name, ...found });
  },
});
