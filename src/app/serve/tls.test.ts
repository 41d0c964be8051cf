import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#kernel/telemetry/index.js';
import { clientCertificate } from '#protocol/transport/index.js';
import { selfSignedCertificate } from '../../../test/support/certificate.js';
import { eventually } from '../../../test/support/eventually.js';
import { loadSettings } from '../settings.js';
import { serve, type RunningServer } from './index.js';

let directory: string;
let running: RunningServer | undefined;
const agents: Agent[] = [];
const first = selfSignedCertificate();
const second = selfSignedCertificate();
const stranger = selfSignedCertificate();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tls-'));
});
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await running?.stop();
  running = undefined;
  await rm(directory, { recursive: true, force: true });
});

const put = async ({ cert, key }: typeof first) => {
  await writeFile(join(directory, 'cert.pem'), cert);
  await writeFile(join(directory, 'key.pem'), key);
};

async function start(more = ''): Promise<RunningServer> {
  const file = join(directory, 'seaworthy.yaml');
  await writeFile(
    file,
    `server: { port: 0, tls: { cert: cert.pem, key: key.pem${more} } }
operations: { port: 0 }
modules: { example: {} }
drain: { timeoutMs: 500 }
`,
  );
  running = await serve(loadSettings({ file, environment: {} }), { logger: silentLogger, environment: {} });
  return running;
}

const agentOf = (options: ConstructorParameters<typeof Agent>[0] = {}): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, ...options });
  agents.push(agent);
  return agent;
};

interface Seen {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly fingerprint: string;
}

async function ask(url: string, agent: Agent): Promise<Seen> {
  const sent = request(new URL('/openapi.json', url), { agent }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { socket } = response;
  if (!(socket instanceof TLSSocket)) throw new TypeError('no TLS');
  const { fingerprint256 } = socket.getPeerCertificate();
  return {
    status: response.statusCode,
    headers: response.headers,
    body: await text(response),
    fingerprint: fingerprint256,
  };
}
const fingerprintOf = ({ cert }: typeof first) => new X509Certificate(cert).fingerprint256;

describe('a listener with a certificate', () => {
  it('speaks TLS only, and tells browsers to stay with it', async () => {
    await put(first);
    const { url, gateway } = await start();
    const seen = await ask(url, agentOf());
    expect(new URL(url).protocol).toBe('https:');
    expect([seen.status, seen.fingerprint]).toEqual([200, fingerprintOf(first)]);
    expect(seen.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    // The test's certificate is valid for two days.
    expect((await gateway.health()).components['tls']).toMatchObject({ status: 'degraded' });
    const ends = Date.parse(new X509Certificate(first.cert).validTo) / 1000;
    expect(await gateway.metrics.text()).toContain(`seaworthy_tls_certificate_expiry_timestamp_seconds ${ends}`);
  });

  it('takes over changed files; open connections go on, and files that do not fit change nothing', async () => {
    await put(first);
    const { url, gateway } = await start();
    const kept = agentOf();
    expect((await ask(url, kept)).fingerprint).toBe(fingerprintOf(first));
    await writeFile(join(directory, 'key.pem'), second.key);
    await eventually(
      async () => (await gateway.health()).components['tls']?.message?.includes('refused') === true,
      10_000,
    );
    expect((await ask(url, agentOf())).fingerprint).toBe(fingerprintOf(first));
    await writeFile(join(directory, 'cert.pem'), second.cert);
    await eventually(async () => (await ask(url, agentOf())).fingerprint === fingerprintOf(second), 10_000);
    expect(await ask(url, kept)).toMatchObject({ status: 200, fingerprint: fingerprintOf(first) });
    expect((await gateway.health()).components['tls']?.message).toContain('valid until');
  });

  it('refuses an older version of TLS than it was told', async () => {
    await put(first);
    const { url } = await start(', minVersion: TLSv1.3');
    await expect(ask(url, agentOf({ maxVersion: 'TLSv1.2' }))).rejects.toThrow(/protocol/i);
    expect((await ask(url, agentOf())).status).toBe(200);
  });

  it('demands a certificate of the client where it was told', async () => {
    await put(first);
    await writeFile(join(directory, 'ca.pem'), second.cert);
    const { url } = await start(', ca: ca.pem, clientAuth: require');
    await expect(ask(url, agentOf())).rejects.toThrow();
    await expect(ask(url, agentOf({ cert: stranger.cert, key: stranger.key }))).rejects.toThrow();
    expect((await ask(url, agentOf({ cert: second.cert, key: second.key }))).status).toBe(200);
  });

  it('does not start with files that cannot be used', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'SW_TLS_INVALID' });
    await put({ cert: first.cert, key: second.key });
    await expect(start()).rejects.toMatchObject({ code: 'SW_TLS_INVALID' });
    await put(first);
    await expect(start(', clientAuth: request')).rejects.toMatchObject({ code: 'SW_TLS_INVALID' });
  });
});

it('the certificate of a client counts only where TLS has verified it', async () => {
  const server = createServer(
    { ...first, ca: second.cert, requestCert: true, rejectUnauthorized: false },
    (incoming, response) => response.end(JSON.stringify(clientCertificate(incoming.socket) ?? null)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const known = async (options: object): Promise<unknown> => JSON.parse((await ask(url, agentOf(options))).body);
  const fingerprint = fingerprintOf(second).replaceAll(':', '').toLowerCase();
  expect(await known({ cert: second.cert, key: second.key })).toEqual({
    fingerprint,
    subject: 'CN=localhost',
    alternativeNames: ['DNS:localhost', 'IP Address:127.0.0.1'],
  });
  expect(await known({ cert: stranger.cert, key: stranger.key })).toBeNull();
  expect(await known({})).toBeNull();
  for (const agent of agents.splice(0)) agent.destroy();
  server.close();
});
