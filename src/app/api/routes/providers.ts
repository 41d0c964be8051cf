import { z } from 'zod';
import { reasonOf } from '#kernel/errors/index.js';
import type { Provider } from '#gateway/catalog/index.js';
import { pageFrom, pageOf, pageQuery } from '../page.js';
import { defineRoute } from '../route.js';
import type { ApiServices } from '../services.js';

const count = z.number().int().min(0);
const shown = z.strictObject({
  id: z.string(),
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  message: z.string(),
  lists: z
    .strictObject({ at: z.iso.datetime(), tools: count, prompts: count, resources: count, resourceTemplates: count })
    .nullable()
    .describe('Of the last good lists; null before the first.'),
});

/** @throws SW_PROVIDER_UNKNOWN */
function shownProvider(provider: Provider, { catalog }: ApiServices): z.input<typeof shown> {
  const lists = catalog.snapshotOf(provider.id);
  return {
    id: provider.id,
    ...stateOf(provider),
    lists: lists
      ? {
          at: new Date(lists.at).toISOString(),
          tools: lists.tools.length,
          prompts: lists.prompts.length,
          resources: lists.resources.length,
          resourceTemplates: lists.resourceTemplates.length,
        }
      : null,
  };
}

/** A module's own check may fail, which says something of its state. */
function stateOf(provider: Provider): Pick<z.input<typeof shown>, 'status' | 'message'> {
  try {
    const { status, message } = provider.health();
    return { status, message };
  } catch (error) {
    return { status: 'unhealthy', message: reasonOf(error) };
  }
}

const list = defineRoute({
  method: 'GET',
  path: '/providers',
  summary: 'Upstream servers and modules with their state, without asking any of them',
  admission: 'providers/read',
  query: z.strictObject(pageQuery),
  answer: pageOf(shown),
  handle: ({ query }, services) =>
    pageFrom(
      services.catalog.providers.map((provider) => shownProvider(provider, services)),
      query,
    ),
});

const get = defineRoute({
  method: 'GET',
  path: '/providers/{id}',
  summary: 'One of them',
  admission: 'providers/read',
  params: z.strictObject({ id: z.string() }),
  answer: shown,
  handle: ({ params }, services) => shownProvider(services.catalog.provider(params.id), services),
});

export const providerRoutes = [list, get];
