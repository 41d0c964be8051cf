import { z } from 'zod';
import { defineRoute } from '../route.js';

export const whoami = defineRoute({
  method: 'GET',
  path: '/whoami',
  summary: 'The principal that the credential stands for',
  admission: 'authenticated',
  answer: z.strictObject({
    id: z.string(),
    kind: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()).optional(),
  }),
  handle: ({ principal: { id, kind, name, roles, scopes } }) => ({ id, kind, name, roles, scopes }),
});
