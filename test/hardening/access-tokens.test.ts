import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initializeBody, jsonHeaders } from '../support/mcp-http.js';
import { startIssuer, type Issuer } from '../support/issuer.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

const origin = 'https://mcp.example.com';
const whole = `${origin}/mcp`;
let issuer: Issuer;
let stranger: Issuer;
let liar: Issuer;
let gone: Issuer;
let rotating: Issuer;
let server: Seaworthy;

beforeAll(async () => {
  [issuer, stranger, gone, rotating] = await Promise.all([startIssuer(), startIssuer(), startIssuer(), startIssuer()]);
  liar = await startIssuer({ issuer: issuer.url });
  server = await startSeaworthy({
    config: {
      modules: { example: {}, scratch: {} },
      access: [{ role: 'reader', allow: ['example:*'] }],
      // Refusals are what is tested here.
      limits: { rates: { login: { limit: 1000 } } },
      auth: {
        oauth: {
          origin,
          issuers: [issuer, liar, gone, rotating].map(({ url }) => ({ issuer: url, network: 'any' })),
          roles: [{ claim: 'realm_access.roles', value: 'staff', role: 'reader' }],
          requiredScopes: ['mcp'],
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  for (const one of [issuer, stranger, liar, gone, rotating]) one.stop();
  await server.stop();
});

const good = { aud: whole, scope: 'mcp other', realm_access: { roles: ['staff'] } };
async function enter(headers: Record<string, string>, path = '') {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { ...jsonHeaders, ...headers } as Record<string, string>,
    body: JSON.stringify(initializeBody()),
  });
  const text = await response.text();
  return { status: response.status, text, challenge: response.headers.get('www-authenticate') ?? '', response };
}
const show = (token: string, path?: string) => enter({ authorization: `Bearer ${token}` }, path);
const now = () => Math.floor(Date.now() / 1000);

describe('a token', () => {
  it('of a trusted issuer for this endpoint lets in, with the role that its claims give', async () => {
    const token = await issuer.token(good);
    const { status, response } = await show(token);
    expect(status).toBe(200);
    const list = await fetch(server.url, {
      method: 'POST',
      headers: {
        ...jsonHeaders,
        authorization: `Bearer ${token}`,
        'mcp-session-id': response.headers.get('mcp-session-id') ?? '',
      } as Record<string, string>,
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
    const tools = await list.text();
    expect(tools).toContain('example__echo');
    expect(tools).not.toContain('scratch__');
  });

  it('for one provider opens that one alone; one for all opens each', async () => {
    const narrow = await issuer.token({ ...good, aud: `${whole}/example` });
    expect((await show(narrow, '/example')).status).toBe(200);
    expect((await show(narrow)).status).toBe(401);
    expect((await show(narrow, '/scratch')).status).toBe(401);
    expect((await show(await issuer.token(good), '/example')).status).toBe(200);
  });

  const wrong: Record<string, () => Promise<string> | string> = {
    'that has expired': () => issuer.token({ ...good, exp: now() - 60 }),
    'that is not valid yet': () => issuer.token({ ...good, nbf: now() + 120 }),
    'that never expires': () => issuer.token({ ...good, exp: undefined as unknown as number }),
    'for somebody else': () => issuer.token({ ...good, aud: 'https://other.example.com/mcp' }),
    'for the origin alone': () => issuer.token({ ...good, aud: origin }),
    'for a path that begins alike': () => issuer.token({ ...good, aud: `${whole}x` }),
    'without audience': () => issuer.token({ ...good, aud: undefined as unknown as string }),
    'of an issuer that nobody named': () => stranger.token(good),
    'of another signer in the name of the issuer': () => stranger.token({ ...good, iss: issuer.url }),
    'with a slash behind the issuer': () => issuer.token({ ...good, iss: `${issuer.url}/` }),
    'that is an ID token': () => issuer.token(good, { typ: 'JWT' }),
    'with a key id that nobody knows': () => issuer.token(good, { kid: '../../etc/passwd' }),
    'that is bound to a key': () => issuer.token({ ...good, cnf: { jkt: 'x' } }),
    'without signature': () => new UnsecuredJWT({ ...good, iss: issuer.url, sub: 'ada', exp: now() + 60 }).encode(),
    'signed with the public key as a secret': async () => {
      const key = (await importJWK(issuer.publicKey(), 'ES256', { extractable: true })) as CryptoKey;
      return new SignJWT({ ...good, iss: issuer.url, sub: 'ada', exp: now() + 60 })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: String(issuer.publicKey().kid) })
        .sign(new TextEncoder().encode(await exportSPKI(key)));
    },
    'whose header brings or points to a key of its own': () =>
      stranger.token(
        { ...good, iss: issuer.url },
        { jwk: stranger.publicKey(), jku: `${stranger.url}/jwks`, x5u: `${stranger.url}/x5u` },
      ),
    'that was changed': async () => {
      const [head, , signature] = (await issuer.token(good)).split('.');
      const claims = { ...good, iss: issuer.url, sub: 'root', exp: now() + 60 };
      return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    },
    'that is too long': () => issuer.token({ ...good, padding: 'x'.repeat(7000) }),
    'that is none': () => 'opaque',
  };
  it.each(Object.entries(wrong))('%s is refused, and all are refused alike', async (_what, make) => {
    const { status, text, challenge } = await show(await make());
    expect(status).toBe(401);
    expect(text).toContain('The access token is not valid here.');
    expect(challenge).toBe(
      `Bearer realm="seaworthy", error="invalid_token", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="mcp"`,
    );
  });

  it('never makes us ask an address out of its header', () => {
    expect(stranger.asked).toEqual([]);
  });

  it('without the scope that is needed learns which', async () => {
    const { status, challenge } = await show(await issuer.token({ ...good, scope: 'other' }));
    expect(status).toBe(403);
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="mcp"');
  });

  it('is taken from the header alone, and not when a key is shown too', async () => {
    const token = await issuer.token(good);
    expect((await enter({}, `?access_token=${token}`)).status).toBe(401);
    expect((await enter({ 'x-api-key': token })).status).toBe(401);
    expect((await enter({ authorization: `Bearer ${token}`, 'x-api-key': server.apiKey ?? '' })).status).toBe(401);
    expect((await enter({ 'x-api-key': server.apiKey ?? '' })).status).toBe(200);
  });

  it('of an issuer whose metadata names another, or that is away, cannot be verified', async () => {
    const token = await gone.token(good);
    gone.stop();
    for (const one of [await liar.token(good), token]) {
      const { status, text } = await show(one);
      expect(status).toBe(503);
      expect(text).toContain('SW_ISSUER_UNAVAILABLE');
    }
  });

  it('signed with a new key of the issuer is good at once, but junk cannot make us look again and again', async () => {
    const old = await rotating.token(good);
    expect((await show(old)).status).toBe(200);
    await rotating.rotate();
    expect((await show(await rotating.token(good))).status).toBe(200);
    // Verified once, remembered.
    expect((await show(old)).status).toBe(200);
    for (const kid of ['a', 'b', 'c']) expect((await show(await rotating.token(good, { kid }))).status).toBe(401);
    expect(rotating.asked.filter((path) => path === '/jwks')).toHaveLength(2);
  });
});

describe('a client without a token', () => {
  it('finds the metadata of each endpoint by the challenge', async () => {
    const { status, challenge } = await enter({}, '/example');
    expect(status).toBe(401);
    const place = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
    expect(place).toBe(`${origin}/.well-known/oauth-protected-resource/mcp/example`);
    const at = async (path: string) => fetch(new URL(path, server.url));
    expect(await (await at(new URL(place).pathname)).json()).toEqual({
      resource: `${whole}/example`,
      authorization_servers: [issuer.url, liar.url, gone.url, rotating.url],
      bearer_methods_supported: ['header'],
    });
    expect(await (await at('/.well-known/oauth-protected-resource')).json()).toMatchObject({ resource: whole });
    expect((await at('/.well-known/oauth-protected-resource/other')).status).toBe(404);
  });
});
