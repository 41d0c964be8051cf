import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSeaworthy } from '../support/seaworthy-process.js';
import { filesystemOverStdio, memoryOverStdio } from '../support/upstream-servers.js';

const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program in the folder, with a home that holds nothing. */
function cli(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { cwd: folder, env: { PATH, HOME: folder, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const json = async (args: readonly string[], env?: Record<string, string>) => {
  const { code, stdout } = await cli([...args, '--json'], env);
  return { code, value: JSON.parse(stdout) as Record<string, unknown> };
};
const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));

const owner = [{ role: 'owner', allow: ['*:*'] }];
const offline = { modules: { example: {} }, access: owner, server: { port: 0 }, operations: { port: 0 } };

describe('the command line', () => {
  it('says what went wrong, what to do and the code, and never shows a stack', async () => {
    for (const args of [['serv'], ['call'], ['keys', 'create'], ['serve', '--log-level', 'loud'], ['version', 'x']]) {
      const { code, stderr, stdout } = await cli(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: .+\nhint: .+\ncode: +SW_USAGE\n$/);
      expect(stdout).toBe('');
    }
    expect(await json(['keys', 'create'])).toMatchObject({ code: 2, value: { error: { code: 'SW_USAGE' } } });
  });

  it('helps without a command, and answers --help and version', async () => {
    expect(await cli([])).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: seaworthy') });
    expect(await cli(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') });
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect((await json(['version'])).value).toMatchObject({
      version,
      revisions: expect.arrayContaining(['2026-07-28']),
    });
  });
});

describe('config', () => {
  it('check reports every problem at once', async () => {
    write('seaworthy.yaml', { servr: {}, log: { level: 'loud' }, mcpServers: { a: { command: '${NOT_SET}' } } });
    const { code, value } = await json(['config', 'check']);
    expect(code).toBe(2);
    const { problems } = value['error'] as { problems: { path: string; hint: string }[] };
    expect(problems.map(({ path }) => path).sort()).toEqual(['log.level', 'mcpServers.a.command', 'servr']);
    expect(problems.every(({ hint }) => hint !== '')).toBe(true);
    expect((await cli(['config', 'check', '--config', 'missing.yaml'])).code).toBe(2);
  });

  it('print shows what is in force and where it comes from, and no secret', async () => {
    write('seaworthy.yaml', {
      ...offline,
      mcpServers: { a: { command: 'a', env: { TOKEN: 'hunter2', OTHER: '${NOT_SET}' } } },
    });
    const { code, stdout } = await cli(['config', 'print'], { SEAWORTHY_LOG_LEVEL: 'warn' });
    expect(code).toBe(0);
    expect(stdout).toContain('log.level: warn  # env');
    expect(stdout).toContain('${NOT_SET}');
    expect(stdout).not.toContain('hunter2');
  });

  it('schema is a JSON Schema', async () => {
    expect(JSON.parse((await cli(['config', 'schema'])).stdout)).toMatchObject({ properties: { mcpServers: {} } });
  });
});

describe('init', () => {
  const secret = 'sk-0123456789abcdef';
  const client = () => ({
    mcpServers: {
      'My Files': filesystemOverStdio(folder),
      memory: { ...memoryOverStdio, env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl'), API_KEY: secret } },
      broken: { command: join(folder, 'no-such-program') },
    },
  });

  it('discovers, writes an explicit allow list that loads, and moves secrets out', async () => {
    write('.mcp.json', client());
    const { code, value } = await json(['init']);
    expect(code).toBe(0);
    expect(value).toMatchObject({
      servers: [
        { id: 'my-files', name: 'My Files', discovery: 'found' },
        { id: 'memory', discovery: 'found', tools: 9 },
        { id: 'broken', discovery: 'failed' },
      ],
      variables: [{ name: 'API_KEY', usedBy: ['memory'], inClientFile: true }],
    });
    const file = join(folder, 'seaworthy.yaml');
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain(secret);
    expect(text).toContain('- memory:tools/read_graph');
    expect(text).toMatch(/- memory:tools\/delete_entities +# may destroy data/);
    expect(text).toContain('# - broken:*');
    expect(statSync(file).mode & 0o077).toBe(0);
    expect((await cli(['config', 'check'], { API_KEY: 'x' })).code).toBe(0);
    // Once is enough: it does not write over what may have been edited.
    expect(await json(['init'])).toMatchObject({ code: 2, value: { error: { code: 'SW_FILE_EXISTS' } } });
    expect((await json(['init', '--force', '--read-only'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/# - memory:tools\/delete_entities/);
  });

  it('starts nothing with --no-discover, and then allows nothing', async () => {
    write('mcp.json', {
      mcpServers: { a: { command: process.execPath, args: ['-e', `fs.writeFileSync('started', '')`] } },
    });
    expect((await cli(['init', 'mcp.json', '--no-discover'])).code).toBe(0);
    expect(() => statSync(join(folder, 'started'))).toThrow();
    expect(readFileSync(join(folder, 'seaworthy.yaml'), 'utf8').match(/^ +- (?!role:).*/gm)).toEqual([
      expect.stringContaining('- admin:*'),
    ]);
  });

  it('says where to look when nothing is found or a file cannot be read', async () => {
    expect(await cli(['init'])).toMatchObject({ code: 2, stderr: expect.stringContaining('.mcp.json') });
    expect(await json(['init', 'nowhere.json'])).toMatchObject({
      code: 2,
      value: { error: { code: 'SW_IMPORT_UNREADABLE' } },
    });
  });
});

describe('tools and call', () => {
  it('work on the configuration, in process', async () => {
    write('seaworthy.yaml', offline);
    const { value } = await json(['tools', '*echo']);
    expect(value).toMatchObject({ tools: [{ name: 'example__echo' }], unavailable: [] });
    expect(await cli(['call', 'example__echo', 'message=12'])).toEqual({ code: 0, stdout: '12\n', stderr: '' });
    expect((await cli(['call', 'echo', '--provider', 'example', '--args', '{"message":"a"}'])).stdout).toBe('a\n');
    expect(await json(['call', 'example__nothing'])).toMatchObject({
      code: 1,
      value: { error: { code: 'SW_TOOL_UNKNOWN' } },
    });
    expect((await cli(['call', 'example__echo', 'nonsense'])).code).toBe(2);
    expect((await cli(['tools', '--provider', 'nobody'])).code).toBe(2);
  });

  it('exit 1 when a tool reports an error, 3 when its server does not answer', async () => {
    write('seaworthy.yaml', {
      ...offline,
      mcpServers: { files: filesystemOverStdio(folder), broken: { command: join(folder, 'no-such-program') } },
    });
    const refused = await cli(['call', 'files__read_text_file', 'path=/etc/passwd']);
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('denied') });
    expect(await cli(['call', 'broken__x'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('SW_UPSTREAM_UNAVAILABLE'),
    });
    const { code, stderr } = await cli(['tools', 'files__*']);
    expect(code).toBe(0);
    expect(stderr).toContain('Not answering: broken');
  });

  it('work against a running server', async () => {
    const server = await startSeaworthy({ config: offline });
    try {
      const { url, apiKey = '' } = server;
      const remote = ['--url', url, '--key', apiKey];
      expect((await json(['tools', ...remote])).value).toMatchObject({
        tools: expect.arrayContaining([expect.objectContaining({ name: 'example__echo' })]),
      });
      const { origin } = new URL(url);
      const called = await cli(['call', 'echo', 'message=hi', '--url', origin, '--provider', 'example'], {
        SEAWORTHY_KEY: apiKey,
      });
      expect(called).toMatchObject({ code: 0, stdout: 'hi\n' });
      expect(await json(['tools', '--url', url])).toMatchObject({
        code: 1,
        value: { error: { code: 'SW_UNAUTHENTICATED' } },
      });
    } finally {
      await server.stop();
    }
    expect(await json(['tools', '--url', server.url])).toMatchObject({
      code: 3,
      value: { error: { code: 'SW_SERVER_UNREACHABLE' } },
    });
  });
});

describe('keys', () => {
  it('are made, listed and revoked while the server runs', async () => {
    const dataDir = join(folder, 'data');
    write('seaworthy.yaml', { ...offline, dataDir });
    const server = await startSeaworthy({ config: { ...offline, dataDir } });
    try {
      const { value } = await json([
        'keys',
        'create',
        '--name',
        'ci',
        '--role',
        'owner',
        '--expires',
        '30d',
        '--address',
        '127.0.0.0/8',
      ]);
      const { id, key } = value as { id: string; key: string };
      const works = async (code: number) =>
        expect
          .poll(async () => (await cli(['tools', '--url', server.url, '--key', key])).code, { timeout: 10_000 })
          .toBe(code);
      await works(0);
      const listed = await cli(['keys', 'list', '--json']);
      expect(listed.stdout).not.toContain(key);
      expect(JSON.parse(listed.stdout)).toMatchObject({
        keys: [{ name: 'first key' }, { id, name: 'ci', roles: ['owner'] }],
      });
      const rotated = (await json(['keys', 'rotate', id, '--overlap', '0'])).value as { id: string; key: string };
      expect(rotated).toMatchObject({ id, previousUntil: null });
      await works(1);
      expect((await cli(['tools', '--url', server.url, '--key', rotated.key])).code).toBe(0);
      expect((await cli(['keys', 'revoke', id])).code).toBe(0);
      await works(1);
      expect(await json(['keys', 'revoke', id])).toMatchObject({
        code: 1,
        value: { error: { code: 'SW_KEY_UNKNOWN' } },
      });
    } finally {
      await server.stop();
    }
    expect((await cli(['keys', 'create', '--name', 'a', '--role', 'b', '--expires', 'soon'])).code).toBe(2);
    // Each command is a process of its own.
  }, 60_000);
});

describe('doctor', () => {
  it('finds nothing wrong with what works', async () => {
    write('seaworthy.yaml', { ...offline, access: [{ role: 'owner', allow: ['example:*'] }] });
    expect(await json(['doctor'])).toMatchObject({ code: 0, value: { healthy: true, errors: 0, warnings: 0 } });
  });

  it('tells what is wrong, with a hint each, and exits 1', async () => {
    write('seaworthy.yaml', {
      ...offline,
      access: [{ role: 'owner', allow: ['*:*', 'example:no_such_tool'] }],
      mcpServers: { broken: { command: join(folder, 'no-such-program') } },
    });
    const { code, value } = await json(['doctor']);
    expect(code).toBe(1);
    const findings = value['findings'] as { check: string; status: string; message: string; hint?: string }[];
    const wrong = findings.filter(({ status }) => status !== 'ok');
    expect(wrong.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'provider broken error',
      'access warning',
      'access warning',
    ]);
    expect(wrong.every(({ hint }) => hint !== undefined)).toBe(true);
    write('seaworthy.yaml', { log: { level: 'loud' } });
    expect(await json(['doctor'])).toMatchObject({ code: 1, value: { errors: 1 } });
  });
});

describe('serve --from', () => {
  it('is one command for a newcomer, secrets included, and the same again', async () => {
    const config = {
      mcpServers: {
        memory: { ...memoryOverStdio, env: { MEMORY_FILE_PATH: join(folder, 'm.jsonl'), API_KEY: 'hunter2' } },
      },
    };
    write('mcp.json', config);
    const ours = join(folder, 'ours.yaml');
    // The support's own configuration is not what is served: the last --config wins.
    const args = ['--config', ours, '--from', join(folder, 'mcp.json'), '--port', '0'];
    const env = { SEAWORTHY_OPERATIONS_PORT: '0', SEAWORTHY_DATA_DIR: join(folder, 'data') };
    for (let i = 0; i < 2; i++) {
      const server = await startSeaworthy({ config: {}, args, env });
      try {
        expect(readFileSync(ours, 'utf8')).toContain('${API_KEY}');
        expect(server.logs()).not.toContain('hunter2');
        expect(server.apiKey === undefined).toBe(i === 1);
      } finally {
        expect(await server.stop()).toBe(0);
      }
    }
  });
});
