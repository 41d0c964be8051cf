import { z } from 'zod';
import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { keyCreated, keyRevoked, keyRotated } from '../../audit.js';
import { shownKey } from '../../shown-key.js';
import { pageFrom, pageOf, pageQuery } from '../page.js';
import { defineRoute } from '../route.js';
import type { ApiServices } from '../services.js';

const time = z.iso.datetime().nullable();
const id = z.string().describe('Public; not the key.');
const shown = z.strictObject({
  id,
  name: z.string(),
  description: z.string().nullable(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()).nullable(),
  addresses: z.array(z.string()),
  createdAt: z.iso.datetime(),
  expiresAt: time,
  revokedAt: time,
  lastUsedAt: time,
  previousUntil: time.describe('Until then the secret before the last rotation works too.'),
});
const word = z.string().regex(/^[\w.:/-]{1,64}$/);

const maxOverlapMs = 30 * 24 * 3_600_000;

const list = defineRoute({
  method: 'GET',
  path: '/keys',
  summary: 'API keys, oldest first; never the keys themselves',
  admission: 'keys/read',
  query: z.strictObject(pageQuery),
  answer: pageOf(shown),
  handle: async ({ query }, { keys }) => pageFrom((await keys.list()).map(shownKey), query),
});

const create = defineRoute({
  method: 'POST',
  path: '/keys',
  summary: 'Makes an API key; this answer is the only place where it is ever shown',
  admission: 'keys/write',
  body: z.strictObject({
    name: z.string().trim().min(1).max(100),
    description: z.string().max(500).optional(),
    roles: z.array(word).max(32).default([]),
    scopes: z.array(word).max(100).optional().describe('Without, the roles alone count.'),
    addresses: z.array(z.string().max(50)).max(100).default([]).describe('Addresses and networks; none: any.'),
    expiresAt: z.iso.datetime().optional(),
  }),
  answer: shown.extend({ key: z.string() }),
  status: 201,
  handle: async ({ body, principal }, services) => {
    requireGrant(body, principal, services);
    const { name, roles, description, scopes, addresses } = body;
    const expiresAt = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt);
    const { key, record } = await services.keys.create(name, roles, { description, scopes, addresses, expiresAt });
    services.audit.write(keyCreated(record, principal));
    return { ...shownKey(record), key };
  },
});

const rotate = defineRoute({
  method: 'POST',
  path: '/keys/{id}/rotate',
  summary: 'Gives an API key a new secret, shown in this answer only; the present one works for the overlap',
  admission: 'keys/write',
  params: z.strictObject({ id }),
  body: z.strictObject({ overlapMs: z.number().int().min(0).max(maxOverlapMs).default(0) }),
  answer: shown.extend({ key: z.string() }),
  handle: async ({ params, body: { overlapMs }, principal }, services) => {
    const present = (await services.keys.list()).find((record) => record.id === params.id);
    if (!present) throw fail('SW_KEY_UNKNOWN', { id: params.id });
    // Its new secret is as good as a key made with its roles.
    requireGrant(present, principal, services);
    const { key, record } = await services.keys.rotate(params.id, overlapMs);
    services.audit.write(keyRotated(record, overlapMs, principal));
    return { ...shownKey(record), key };
  },
});

const revoke = defineRoute({
  method: 'DELETE',
  path: '/keys/{id}',
  summary: 'Ends an API key at once',
  admission: 'keys/write',
  params: z.strictObject({ id }),
  answer: z.strictObject({ id, revoked: z.literal(true) }),
  handle: async ({ params, principal }, { keys, audit }) => {
    await keys.revoke(params.id);
    audit.write(keyRevoked(params.id, principal));
    return { id: params.id, revoked: true };
  },
});

/**
 * Who may make keys must not become more by it: a role is given on by who has it, or may `admin:roles/{role}`; who is
 * bound to scopes gives on only these. @throws SW_ACCESS_DENIED
 */
function requireGrant(
  { roles, scopes }: { readonly roles: readonly string[]; readonly scopes?: readonly string[] | undefined },
  principal: Principal,
  { admits }: ApiServices,
): void {
  const role = roles.find((name) => !principal.roles.includes(name) && !admits(principal, `roles/${name}`));
  if (role !== undefined) throw fail('SW_ACCESS_DENIED', { kind: 'role', name: role });
  const own = principal.scopes;
  if (own && !scopes?.every((scope) => own.includes(scope)))
    throw fail('SW_ACCESS_DENIED', { kind: 'key', name: 'without these scopes' });
}

export const keyRoutes = [list, create, rotate, revoke];
