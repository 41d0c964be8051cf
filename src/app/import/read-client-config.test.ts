import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { existingPlaces, readClientConfigs, type Surroundings } from './index.js';

let cwd: string;
let home: string;
let around: Surroundings;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'import-'));
  cwd = join(root, 'project');
  home = join(root, 'home');
  around = { cwd, home, platform: 'linux', environment: {} };
});
afterEach(() => rmSync(dirname(cwd), { recursive: true }));

function write(file: string, content: unknown): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

async function read(servers: Record<string, unknown>, rest: object = {}) {
  return readClientConfigs([{ file: write(join(cwd, '.mcp.json'), { mcpServers: servers, ...rest }) }], around);
}

describe('shapes of clients', () => {
  it.each([
    ['a command', { command: 'npx', args: ['-y', 'pkg'] }, { command: 'npx', args: ['-y', 'pkg'], env: {} }],
    [
      'numbers as text',
      { command: 'a', args: [1], env: { N: 2, B: true } },
      { command: 'a', args: ['1'], env: { N: '2', B: 'true' } },
    ],
    ['a working folder', { command: 'a', cwd: './x' }, { command: 'a', args: [], env: {}, cwd: './x' }],
    ["Zed's older shape", { command: { path: 'a', args: ['b'], env: {} } }, { command: 'a', args: ['b'], env: {} }],
    ['url', { url: 'https://x.test/mcp' }, { url: 'https://x.test/mcp', headers: {} }],
    ["Windsurf's serverUrl", { serverUrl: 'https://x.test/mcp' }, { url: 'https://x.test/mcp', headers: {} }],
    ["Gemini's httpUrl", { httpUrl: 'https://x.test/mcp' }, { url: 'https://x.test/mcp', headers: {} }],
    ['streamable-http', { type: 'streamable-http', url: 'https://x.test/' }, { url: 'https://x.test/', headers: {} }],
    ['sse', { type: 'sse', url: 'https://x.test/sse' }, { url: 'https://x.test/sse', headers: {}, type: 'sse' }],
  ])('are read: %s', async (_name, entry, definition) => {
    expect((await read({ one: entry })).servers).toMatchObject([{ id: 'one', definition }]);
  });

  it.each([
    ['disabled', { command: 'a', disabled: true }, 'it is disabled there'],
    ['not enabled', { command: 'a', enabled: false }, 'it is disabled there'],
    ['an unknown transport', { type: 'websocket', url: 'ws://x' }, 'its transport "websocket" is not known'],
    ['no command', { type: 'stdio' }, 'it names no command'],
    ['neither', { settings: {} }, 'it names no url'],
    ['no object', 'npx', 'it is not an object'],
    ['this program', { command: 'npx', args: ['seaworthy@1.0.0', 'stdio'] }, 'it is Seaworthy itself'],
    ['this server', { url: 'http://localhost:53000/mcp' }, 'it is Seaworthy itself'],
  ])('are left out and said: %s', async (_name, entry, reason) => {
    expect(await read({ one: entry })).toMatchObject({ servers: [], skipped: [{ name: 'one', reason }] });
  });

  it('are found under every key that clients use, comments and trailing commas included', async () => {
    const file = write(
      join(home, '.claude.json'),
      `{ // mine
        "mcpServers": { "a": { "command": "a" }, },
        "servers": { "b": { "command": "b /* no comment */" } }, /* and */
        "context_servers": { "c": { "command": "c // no comment" } },
        "projects": { ${JSON.stringify(cwd)}: { "mcpServers": { "d": { "command": "d" } } }, "/other": { "mcpServers": { "e": {} } } },
      }`,
    );
    const { servers } = await readClientConfigs([{ file }], around);
    expect(servers.map(({ definition }) => 'command' in definition && definition.command)).toEqual([
      'a',
      'b /* no comment */',
      'c // no comment',
      'd',
    ]);
  });

  it('that cannot be read are refused without showing what is in them', async () => {
    const file = write(join(cwd, 'bad.json'), '{ "token": "sk-very-secret", nonsense');
    const error = await readClientConfigs([{ file }], around).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SW_IMPORT_UNREADABLE' });
    expect(String(error)).not.toContain('very-secret');
    await expect(readClientConfigs([{ file: 'missing.json' }], around)).rejects.toMatchObject({
      code: 'SW_IMPORT_UNREADABLE',
    });
  });
});

describe('names', () => {
  it('become ids that fit, and stay apart', async () => {
    const { servers } = await read({
      'My Server!': { command: 'a' },
      my_server: { command: 'b' },
      Übergröße: { command: 'c' },
      '***': { command: 'd' },
      ['x'.repeat(40)]: { command: 'e' },
    });
    const ids = servers.map(({ id }) => id);
    expect(ids).toEqual(['my-server', 'my-server-2', 'ubergro-e', 'server', 'x'.repeat(32)]);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,31}$/);
  });

  it('of the same server in two files are taken once, of another with the same name twice', async () => {
    const first = write(join(cwd, '.mcp.json'), { mcpServers: { a: { command: 'a', env: { TOKEN: 'one' } } } });
    const same = write(join(cwd, '.vscode/mcp.json'), {
      servers: { a: { type: 'stdio', command: 'a', env: { TOKEN: 'one' } } },
    });
    const other = write(join(cwd, '.cursor/mcp.json'), { mcpServers: { a: { command: 'a', env: { TOKEN: 'two' } } } });
    const { servers, skipped, variables } = await readClientConfigs(
      [{ file: first }, { file: same }, { file: other }],
      around,
    );
    expect(servers.map(({ id }) => id)).toEqual(['a', 'a-2']);
    expect(skipped).toMatchObject([{ source: same, reason: 'it was found before, with the same settings' }]);
    expect(variables.map(({ name, literal }) => [name, literal])).toEqual([
      ['TOKEN', 'one'],
      ['A_2_TOKEN', 'two'],
    ]);
  });
});

describe('secrets', () => {
  it.each([
    ['a named variable', { command: 'a', env: { GITHUB_TOKEN: 'abc' } }, { env: { GITHUB_TOKEN: '${GITHUB_TOKEN}' } }],
    ['a known kind of key', { command: 'a', env: { VALUE: 'ghp_0123456789' } }, { env: { VALUE: '${VALUE}' } }],
    [
      'an option',
      { command: 'a', args: ['--api-key', 'abc', '--token=xyz'] },
      { args: ['--api-key', '${S_API_KEY}', '--token=${S_TOKEN}'] },
    ],
    ["docker's -e", { command: 'docker', args: ['-e', 'API_KEY=abc'] }, { args: ['-e', 'API_KEY=${API_KEY}'] }],
    [
      'a header as an argument',
      { command: 'a', args: ['--header', 'Authorization: Bearer abc'] },
      { args: ['--header', 'Authorization: Bearer ${S_TOKEN}'] },
    ],
    [
      'a password in an address',
      { command: 'a', args: ['postgres://me:pw@host/db'] },
      { args: ['postgres://me:${S_PASSWORD}@host/db'] },
    ],
    [
      'a bearer token',
      { url: 'https://x', headers: { Authorization: 'Bearer abc' } },
      { headers: { Authorization: 'Bearer ${S_TOKEN}' } },
    ],
    [
      'a header of its own',
      { url: 'https://x', headers: { 'X-API-Key': 'abc' } },
      { headers: { 'X-API-Key': '${S_API_KEY}' } },
    ],
    ['a query parameter', { url: 'https://x/mcp?a=b&api_key=abc' }, { url: 'https://x/mcp?a=b&api_key=${S_API_KEY}' }],
  ])('are moved out: %s', async (_name, entry, expected) => {
    const { servers, variables } = await read({ s: entry });
    expect(servers[0]?.definition).toMatchObject(expected);
    expect(variables.every(({ literal, usedBy }) => literal !== undefined && usedBy[0] === 's')).toBe(true);
  });

  it.each([
    ['paths', { command: 'a', env: { SSH_KEY: '/run/secrets/key' }, args: ['--key', './server.pem'] }],
    ['switches', { command: 'a', env: { USE_AUTH: 'true', MODE: 'dev', LOG_LEVEL: 'debug' } }],
    [
      'plain arguments',
      { command: 'a', args: ['-y', '@scope/package-with-a-rather-long-name@2026.8.31', '--port', '3000'] },
    ],
    ['our own references', { command: 'a', env: { TOKEN: 'env:TOKEN' } }],
  ])('are not seen in %s', async (_name, entry) => {
    const { servers, variables } = await read({ s: entry });
    expect(servers[0]?.definition).toMatchObject(entry);
    expect(variables).toEqual([]);
  });
});

describe('references', () => {
  it('of all clients become ours', async () => {
    const { servers, variables } = await read(
      {
        s: {
          command: '${workspaceFolder}/bin/run',
          args: ['${env:A}', '${B:-fallback}', '${config:x}', '${userHome}'],
          env: { TOKEN: '${input:api-token}' },
        },
      },
      { inputs: [{ id: 'api-token', description: 'Token of the tracker', password: true }] },
    );
    expect(servers[0]?.definition).toEqual({
      command: `${cwd}/bin/run`,
      args: ['${A}', '${B:-fallback}', '$${config:x}', home],
      env: { TOKEN: '${API_TOKEN}' },
    });
    expect(variables).toMatchObject([
      { name: 'A', literal: undefined },
      { name: 'API_TOKEN', literal: undefined, description: 'Token of the tracker' },
    ]);
  });
});

describe('well-known places', () => {
  it('are those that exist, and TOML is said to be left out', async () => {
    write(join(cwd, '.mcp.json'), { mcpServers: { a: { command: 'a' } } });
    write(join(home, '.config/Claude/claude_desktop_config.json'), { mcpServers: { b: { command: 'b' } } });
    write(join(home, '.codex/config.toml'), '[mcp_servers.c]');
    const { servers, skipped } = await readClientConfigs(existingPlaces(around), around);
    expect(servers.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(skipped).toMatchObject([{ source: join(home, '.codex/config.toml') }]);
  });

  it('differ by platform', () => {
    write(join(home, 'Library/Application Support/Claude/claude_desktop_config.json'), {});
    expect(existingPlaces({ ...around, platform: 'darwin' })).toMatchObject([{ client: 'Claude Desktop' }]);
    expect(existingPlaces(around)).toEqual([]);
  });
});
