import { reasonOf, fail } from '#kernel/errors/index.js';
import type { Principal } from '#kernel/context/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import { hashKey, principalOfKey, type KeyStore } from '#gateway/auth/index.js';

/**
 * Whom `--as` means: `role:NAME`, a principal as JSON (`{"roles": […], "scopes": […], "claims": {…}}`), a key, or
 * the id of one. @throws SW_USAGE
 */
export async function principalAs(text: string, keys: KeyStore): Promise<Principal> {
  if (text.startsWith('role:')) return { ...somebody, roles: [text.slice('role:'.length)] };
  if (text.trimStart().startsWith('{')) return fromJson(text);
  const id = text.startsWith('key:') ? text.slice('key:'.length) : text;
  const hash = hashKey(text);
  const record = (await keys.list()).find((each) => each.id === id || each.hash === hash);
  if (!record) throw fail('SW_USAGE', { reason: '--as names no key: seaworthy keys list shows their ids.' });
  return principalOfKey(record);
}

const somebody: Principal = { id: 'policy-test', kind: 'local', name: 'policy test', roles: [] };

function fromJson(text: string): Principal {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw fail('SW_USAGE', { reason: `--as is not JSON: ${reasonOf(cause)}.` }, cause);
  }
  const { id, name, roles = [], scopes, claims } = given as Record<string, unknown>;
  const isFit =
    (id === undefined || typeof id === 'string') &&
    (name === undefined || typeof name === 'string') &&
    isTexts(roles) &&
    (scopes === undefined || isTexts(scopes)) &&
    (claims === undefined || isObject(claims));
  if (!isFit)
    throw fail('SW_USAGE', {
      reason: '--as takes id and name as text, roles and scopes as lists, claims as an object.',
    });
  return {
    ...somebody,
    ...(id !== undefined && { id }),
    ...(name !== undefined && { name }),
    roles,
    ...(scopes !== undefined && { scopes }),
    ...(claims !== undefined && { claims }),
  };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
