import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initializeBody } from '../support/mcp-http.js';
import { rawHttp, statusesOf } from '../support/raw-http.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

/** The built program behind a proxy at 127.0.0.2, for clients of this machine and of one network. */
let server: Seaworthy;
beforeAll(async () => {
  server = await startSeaworthy({
    config: {
      server: {
        allowedHosts: ['mcp.example.com'],
        trustedProxies: ['127.0.0.2'],
        allowedAddresses: ['127.0.0.1', '198.51.100.0/24'],
        healthAddresses: ['127.0.0.3'],
        cors: { origins: ['https://app.example.com'], maxAgeMs: 90_000 },
      },
      operations: { allowedAddresses: ['127.0.0.1'] },
      modules: { example: {} },
    },
  });
}, 60_000);
afterAll(async () => {
  await server.stop();
});

type Headers = readonly string[];
const head = (target: string, headers: Headers, method = 'GET') =>
  `${[`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`;
const get = (target: string, headers: Headers = [], from?: string) => rawHttp(server.url, head(target, headers), from);
const operations = (target: string, from?: string) => rawHttp(server.operationsUrl, head(target, []), from);
const initialize = (headers: Headers = [], key = server.apiKey ?? '') => {
  const body = JSON.stringify(initializeBody());
  const all = ['Content-Type: application/json', `X-API-Key: ${key}`, `Content-Length: ${body.length}`, ...headers];
  return `${head('/mcp', all, 'POST')}${body}`;
};
const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    (text.split('\r\n\r\n', 1)[0] ?? '')
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ', 2) as [string, string])
      .map(([name, value]) => [name.toLowerCase(), value]),
  );

describe('security headers', () => {
  const expected = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
  const answers: readonly (readonly [string, () => Promise<string>, number])[] = [
    ['a result', () => rawHttp(server.url, initialize()), 200],
    ['a refused key', () => rawHttp(server.url, initialize([], 'wrong')), 401],
    ['a refused method', () => rawHttp(server.url, head('/mcp', [`X-API-Key: ${server.apiKey}`], 'PUT')), 405],
    ['an unknown path', () => get('/nothing'), 404],
    ['the API description', () => get('/openapi.json'), 200],
    ['health', () => get('/health', [], '127.0.0.3'), 200],
    ['a refused host', () => get('/openapi.json', ['X-Forwarded-Host: evil.example'], '127.0.0.2'), 403],
    ['a refused origin', () => get('/openapi.json', ['Origin: https://evil.example']), 403],
    ['a refused address', () => get('/openapi.json', [], '127.0.0.9'), 403],
    ['what the parser refuses', () => rawHttp(server.url, 'NONSENSE\r\n\r\n'), 400],
    ['metrics', () => operations('/metrics'), 200],
    ['detailed health', () => operations('/health/detailed'), 200],
    ['nothing on the operations listener', () => operations('/nothing'), 404],
  ];
  it.each(answers)('are on %s', async (_name, ask, status) => {
    const text = await ask();
    expect(statusesOf(text)).toEqual([status]);
    expect(headersOf(text)).toMatchObject(expected);
    expect(headersOf(text)['strict-transport-security']).toBeUndefined();
  });

  it('promise TLS where a trusted proxy brings it, and only then', async () => {
    const https = ['X-Forwarded-Proto: https', 'X-Forwarded-For: 198.51.100.7'];
    const trusted = headersOf(await get('/openapi.json', https, '127.0.0.2'));
    expect(trusted['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    expect(headersOf(await get('/openapi.json', https))['strict-transport-security']).toBeUndefined();
  });
});

describe('a page of another origin', () => {
  const page = 'Origin: https://app.example.com';
  const ask = (wanted: string, from = page) =>
    rawHttp(
      server.url,
      head(
        '/mcp',
        [from, 'Access-Control-Request-Method: POST', `Access-Control-Request-Headers: ${wanted}`],
        'OPTIONS',
      ),
    );

  it('learns without a key what it may send', async () => {
    const all =
      'authorization, content-type, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, mcp-param-city, last-event-id, x-api-key';
    const text = await ask(`${all}, x-evil`);
    expect(statusesOf(text)).toEqual([204]);
    expect(headersOf(text)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-headers': all,
      'access-control-max-age': '90',
      vary: 'Origin, Access-Control-Request-Headers',
    });
    expect(headersOf(text)['access-control-allow-methods']?.split(', ')).toEqual(
      expect.arrayContaining(['POST', 'GET', 'DELETE']),
    );
    expect(headersOf(text)['access-control-allow-credentials']).toBeUndefined();
  });

  it('may read results and refusals, with the headers that clients need', async () => {
    for (const [key, status] of [
      [server.apiKey ?? '', 200],
      ['wrong', 401],
    ] as const) {
      const text = await rawHttp(server.url, initialize([page], key));
      expect(statusesOf(text)).toEqual([status]);
      expect(headersOf(text)).toMatchObject({
        'access-control-allow-origin': 'https://app.example.com',
        vary: 'Origin',
      });
      expect(headersOf(text)['access-control-expose-headers']).toContain('Mcp-Session-Id');
      expect(headersOf(text)['access-control-expose-headers']).toContain('WWW-Authenticate');
    }
  });

  const others = [
    'https://app.example.com.evil.example',
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
  ];
  it.each(others)('is refused, and not repeated: %s', async (other) => {
    for (const text of [
      await ask('content-type', `Origin: ${other}`),
      await rawHttp(server.url, initialize([`Origin: ${other}`])),
    ]) {
      expect(statusesOf(text)).toEqual([403]);
      expect(headersOf(text)['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('of this machine may call, but reads nothing unless it is listed', async () => {
    const text = await rawHttp(server.url, initialize(['Origin: http://localhost:5173']));
    expect(statusesOf(text)).toEqual([200]);
    expect(headersOf(text)['access-control-allow-origin']).toBeUndefined();
    expect(headersOf(text)['vary']).toBe('Origin');
  });
});

describe('the address of a client', () => {
  const cases: readonly (readonly [string, string, Headers, number])[] = [
    ['is let in where it is listed', '127.0.0.1', [], 200],
    ['is refused where it is not', '127.0.0.9', [], 403],
    ['is not what a stranger claims', '127.0.0.9', ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1'], 403],
    ['is what the proxy says', '127.0.0.2', ['X-Forwarded-For: 198.51.100.7'], 200],
    ['is refused behind the proxy too', '127.0.0.2', ['X-Forwarded-For: 203.0.113.7'], 403],
    ['is not what a client says through the proxy', '127.0.0.2', ['X-Forwarded-For: 127.0.0.1, 203.0.113.7'], 403],
    ['is not in the header that the proxy does not write', '127.0.0.2', ['Forwarded: for=127.0.0.1'], 403],
    [
      'is joined from repeated headers',
      '127.0.0.2',
      ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: 203.0.113.7'],
      403,
    ],
  ];
  it.each(cases)('%s', async (_name, from, headers, status) => {
    expect(statusesOf(await rawHttp(server.url, initialize(headers), from))).toEqual([status]);
  });

  it('decides for probes and for operators by lists of their own', async () => {
    expect(statusesOf(await get('/health', [], '127.0.0.3'))).toEqual([200]);
    expect(statusesOf(await get('/health'))).toEqual([403]);
    expect(statusesOf(await rawHttp(server.url, initialize(), '127.0.0.3'))).toEqual([403]);
    expect(statusesOf(await operations('/metrics', '127.0.0.3'))).toEqual([403]);
  });
});

describe('a request id', () => {
  it('is kept where it is well-formed, and made where not', async () => {
    const idOf = async (given: Headers) => headersOf(await rawHttp(server.url, initialize(given)))['x-request-id'];
    expect(await idOf(['X-Request-Id: trace-42.A_b'])).toBe('trace-42.A_b');
    const made = /^[0-9a-f]{8}-[0-9a-z]+$/;
    expect(await idOf([])).toMatch(made);
    for (const bad of ['a b', '<script>', 'x'.repeat(65), '"', 'a/b'])
      expect(await idOf([`X-Request-Id: ${bad}`]), bad).toMatch(made);
  });
});

describe('an HTTP request that two programs could read in two ways', () => {
  const body = JSON.stringify(initializeBody());
  const lines = (first: string, ...headers: Headers) =>
    `${[first, 'Host: localhost', 'Content-Type: application/json', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`;
  const post = (...headers: Headers) => lines('POST /mcp HTTP/1.1', `X-API-Key: ${server.apiKey}`, ...headers);
  const length = `Content-Length: ${body.length}`;
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const cases: readonly (readonly [string, () => string])[] = [
    ['length and chunks', () => `${post(length, 'Transfer-Encoding: chunked')}${chunked}`],
    ['two lengths', () => `${post(length, 'Content-Length: 1')}${body}`],
    ['the same length twice', () => `${post(length, length)}${body}`],
    ['a list of lengths', () => `${post(`Content-Length: ${body.length}, ${body.length}`)}${body}`],
    ['a signed length', () => `${post(`Content-Length: +${body.length}`)}${body}`],
    ['a length before a colon and a space', () => `${post(`Content-Length : ${body.length}`)}${body}`],
    ['a coding besides chunks', () => `${post('Transfer-Encoding: gzip, chunked')}${chunked}`],
    ['a coding after chunks', () => `${post('Transfer-Encoding: chunked, identity')}${chunked}`],
    ['a coding that only looks like chunks', () => `${post('Transfer-Encoding: xchunked')}${chunked}`],
    ['a folded header', () => `${post(length, 'X-A: 1', ' X-B: 2')}${body}`],
    ['a bare line feed between headers', () => `${post(length, 'X-A: 1\nX-B: 2')}${body}`],
    ['a NUL in a header', () => `${post(length, 'X-A: a\0b')}${body}`],
    ['two hosts', () => `${post(length, 'Host: evil.example')}${body}`],
    ['two origins', () => `${post(length, 'Origin: http://localhost', 'Origin: https://evil.example')}${body}`],
    ['two keys', () => `${post(length, 'x-api-key: other')}${body}`],
    ['two credentials', () => `${post(length, 'Authorization: Bearer a', 'authorization: Bearer b')}${body}`],
    ['two media types', () => `${post(length, 'Content-Type: text/plain')}${body}`],
    ['no host', () => `POST /mcp HTTP/1.1\r\nConnection: close\r\n\r\n`],
    ['a whole URL', () => lines('GET http://localhost/openapi.json HTTP/1.1')],
    ['another host in the URL', () => lines('GET http://evil.example/openapi.json HTTP/1.1')],
    ['an authority', () => lines('GET //evil.example/openapi.json HTTP/1.1')],
    ['a star', () => lines('OPTIONS * HTTP/1.1')],
    ['an empty segment', () => lines('GET //openapi.json HTTP/1.1')],
    ['an empty segment inside', () => lines('POST /mcp//example HTTP/1.1')],
    ['a dot segment', () => lines('GET /mcp/../openapi.json HTTP/1.1')],
    ['a dot segment at the end', () => lines('GET /mcp/.. HTTP/1.1')],
    ['a single dot', () => lines('GET /./openapi.json HTTP/1.1')],
    ['an encoded dot segment', () => lines('GET /mcp/%2e%2E/openapi.json HTTP/1.1')],
    ['an encoded slash', () => lines('GET /mcp%2fexample HTTP/1.1')],
    ['an encoded backslash', () => lines('GET /mcp%5cexample HTTP/1.1')],
    ['a backslash', () => lines('GET /mcp\\example HTTP/1.1')],
    ['a trailing dot', () => lines('GET /openapi.json. HTTP/1.1')],
    ['an encoded NUL', () => lines('GET /openapi.json%00 HTTP/1.1')],
    ['a NUL', () => lines('GET /openapi.json\0 HTTP/1.1')],
    ['a fragment', () => lines('GET /openapi.json#x HTTP/1.1')],
    ['a line feed in the target', () => lines('GET /openapi.json\nX: HTTP/1.1')],
    ['another case', () => lines('GET /OPENAPI.JSON HTTP/1.1')],
  ];
  it.each(cases)('%s: is refused once, and nothing after it is answered', async (_name, bytes) => {
    const text = await rawHttp(server.url, `${bytes()}GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect([[400], [404]]).toContainEqual(statusesOf(text));
    expect(text).not.toContain('"openapi"');
  });

  it('is refused where its head is too large', async () => {
    const text = await rawHttp(server.url, post(`X-Large: ${'x'.repeat(20_000)}`));
    expect(statusesOf(text)).toEqual([431]);
  });

  it('is counted', async () => {
    expect(await operations('/metrics')).toMatch(/seaworthy_refusals_total\{code="SW_HTTP_MALFORMED"\} [1-9]/);
  });
});
