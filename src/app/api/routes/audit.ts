import { z } from 'zod';
import { queryAudit } from '#gateway/audit/index.js';
import { pageOf, pageQuery } from '../page.js';
import { defineRoute } from '../route.js';

const time = z.iso.datetime().optional();
const text = z.string().min(1).max(256).optional();

const query = defineRoute({
  method: 'GET',
  path: '/audit',
  summary: 'Audit records that fit, newest first; those of the last moment may not be written yet',
  admission: 'audit/read',
  query: z.strictObject({
    ...pageQuery,
    from: time,
    to: time,
    principal: text.describe('Id or name.'),
    provider: text,
    name: text.describe('Of the target, its own or as the client used it.'),
    outcome: text,
    code: text,
    event: text,
    requestId: text,
  }),
  answer: pageOf(z.record(z.string(), z.unknown()).describe('As in the reference of the audit log.')),
  handle: async ({ query: { limit, cursor, from, to, ...filter } }, services) => {
    const range = { from: epochMs(from), to: epochMs(to) };
    const page = await queryAudit(await services.auditSources(), { ...filter, ...range }, limit, cursor);
    const items = page.records.map(({ members }) => members);
    return page.cursor === undefined ? { items } : { items, nextCursor: page.cursor };
  },
});

const epochMs = (iso: string | undefined): number | undefined => (iso === undefined ? undefined : Date.parse(iso));

export const auditRoutes = [query];
