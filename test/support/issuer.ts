import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

/** An authorization server of our own: metadata, keys, and tokens as a test wants them. */
export interface Issuer {
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Signs with the newest key. @param header added to alg, kid and typ */
  token(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** Its newest public key. */
  publicKey(): JWK;
  /** From now on signs with a new key; the old one is no longer offered. */
  rotate(): Promise<void>;
  stop(): void;
}

/** @param metadata replaces members of the metadata */
export async function startIssuer(metadata: Record<string, unknown> = {}): Promise<Issuer> {
  const asked: string[] = [];
  let count = 0;
  let signing: CryptoKey;
  let jwk: JWK;
  const rotate = async () => {
    const pair = await generateKeyPair('ES256');
    signing = pair.privateKey;
    jwk = { ...(await exportJWK(pair.publicKey)), kid: `key-${++count}`, use: 'sig', alg: 'ES256' };
  };
  await rotate();
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/.well-known/openid-configuration')
      response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/jwks`, ...metadata }));
    else if (request.url === '/jwks') response.end(JSON.stringify({ keys: [jwk] }));
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    publicKey: () => jwk,
    rotate,
    token: (claims, header = {}) =>
      new SignJWT({ iss: url, sub: 'ada', exp: Math.floor(Date.now() / 1000) + 300, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: String(jwk.kid), typ: 'at+jwt', ...header })
        .sign(signing),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
