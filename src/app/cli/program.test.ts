import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCodes } from './failure.js';
import { run } from './program.js';

let folder: string;
let config: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-cli-'));
  config = join(folder, 'seaworthy.yaml');
  await writeFile(
    config,
    [
      'server: { port: 0 }',
      'operations: { port: 0 }',
      `dataDir: ${join(folder, 'data')}`,
      'modules: { example: {}, scratch: {} }',
      'access: [{ role: owner, allow: ["example:*", "nobody:*"] }]',
    ].join('\n'),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs one command line in this process and keeps what it writes. */
async function cli(...argv: string[]) {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  try {
    return { exitCode: await run(argv), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('doctor', () => {
  it('finds what is wrong with a configuration that runs, and says how to mend it', async () => {
    const { exitCode, stdout } = await cli('doctor', '--config', config, '--json');
    const report = JSON.parse(stdout) as { findings: { check: string; status: string; message: string }[] };
    expect(exitCode).toBe(exitCodes.ok);
    const warnings = report.findings.filter(({ status }) => status === 'warning').map(({ message }) => message);
    expect(warnings.join('\n')).toContain('nobody:*');
    expect(report.findings.some(({ status }) => status === 'error')).toBe(false);
  });

  it('writes the same for people', async () => {
    const { exitCode, stdout } = await cli('doctor', '--config', config);
    expect(exitCode).toBe(exitCodes.ok);
    expect(stdout).toContain('example');
    expect(stdout).toContain('nobody:*');
  });

  it('fails for a configuration that cannot run', async () => {
    await writeFile(config, 'servr: {}');
    const { exitCode, stdout } = await cli('doctor', '--config', config);
    expect(exitCode).not.toBe(exitCodes.ok);
    expect(stdout).toContain('server');
  });
});

describe('tools and call', () => {
  it('list what the configuration offers, by pattern and provider', async () => {
    const all = await cli('tools', '--config', config, '--json');
    expect(all.exitCode).toBe(exitCodes.ok);
    expect(all.stdout).toContain('example__echo');
    const some = await cli('tools', '*add*', '--config', config, '--provider', 'example');
    expect(some.stdout).toContain('add');
    expect(some.stdout).not.toContain('echo');
  });

  it('call a tool with typed arguments, and tell a failure by the exit code', async () => {
    const sum = await cli('call', 'example__add', 'a=2', 'b=40', '--config', config);
    expect(sum).toMatchObject({ exitCode: exitCodes.ok });
    expect(sum.stdout).toContain('42');
    const echo = await cli('call', 'example__echo', '--args', '{"message":"ahoy"}', '--config', config, '--json');
    expect(JSON.stringify(JSON.parse(echo.stdout))).toContain('ahoy');
    const wrong = await cli('call', 'example__add', 'a=two', 'b=40', '--config', config);
    expect(wrong.exitCode).not.toBe(exitCodes.ok);
    const unknown = await cli('call', 'example__nothing', '--config', config);
    expect(unknown.exitCode).not.toBe(exitCodes.ok);
    expect(unknown.stderr).toContain('hint');
  });

  it('say that a server which is not there does not answer', async () => {
    const gone = await cli('tools', '--url', 'http://127.0.0.1:9/mcp', '--key', 'swk_none');
    expect(gone.exitCode).toBe(exitCodes.unreachable);
  });
});

describe('keys', () => {
  it('are made, listed without their secret, and revoked', async () => {
    const made = await cli('keys', 'create', '--config', config, '--name', 'ci', '--role', 'owner', '--expires', '30d');
    expect(made.exitCode).toBe(exitCodes.ok);
    const key = made.stdout.trim();
    expect(key).toMatch(/^swk_[\w-]+$/);
    const listed = await cli('keys', 'list', '--config', config, '--json');
    expect(listed.stdout).not.toContain(key);
    const [{ id }] = (JSON.parse(listed.stdout) as { keys: [{ id: string }] }).keys;
    expect((await cli('keys', 'list', '--config', config)).stdout).toContain('ci');
    expect((await cli('keys', 'revoke', id, '--config', config)).exitCode).toBe(exitCodes.ok);
    expect((await cli('keys', 'revoke', 'nobody', '--config', config)).exitCode).not.toBe(exitCodes.ok);
  });

  it('refuse a life that is no duration', async () => {
    const odd = await cli('keys', 'create', '--config', config, '--name', 'x', '--role', 'owner', '--expires', 'soon');
    expect(odd).toMatchObject({ exitCode: exitCodes.usage });
    expect(odd.stderr).toContain('--expires');
  });
});

describe('init', () => {
  it('imports a client configuration without starting anything, and does not write over a file', async () => {
    const source = join(folder, 'mcp.json');
    const output = join(folder, 'made.yaml');
    await writeFile(
      source,
      JSON.stringify({ mcpServers: { 'My Files': { command: 'no-such-command', args: ['x'] } } }),
    );
    const first = await cli('init', source, '--output', output, '--no-discover');
    expect(first.exitCode).toBe(exitCodes.ok);
    expect(await readFile(output, 'utf8')).toContain('no-such-command');
    const second = await cli('init', source, '--output', output, '--no-discover', '--json');
    expect(second.exitCode).not.toBe(exitCodes.ok);
    expect((await cli('config', 'check', '--config', output)).exitCode).toBe(exitCodes.ok);
  });

  it('reports a server that cannot be started, and allows nothing of it', async () => {
    const source = join(folder, 'mcp.json');
    const output = join(folder, 'made.yaml');
    await writeFile(source, JSON.stringify({ mcpServers: { gone: { command: 'no-such-command' } } }));
    const { stdout, stderr } = await cli('init', source, '--output', output);
    expect(`${stdout}${stderr}`).toContain('gone');
    expect((await readFile(output, 'utf8')).match(/^\s*- gone:/m)).toBeNull();
  });
});

describe('a command line that is wrong', () => {
  it.each([[['nonsense']], [['keys', 'create']], [['serve', '--port', 'many', '--config', '/nonexistent.yaml']]])(
    '%j is answered with a hint and no stack',
    async (argv) => {
      const { exitCode, stderr } = await cli(...argv);
      expect(exitCode).toBe(exitCodes.usage);
      expect(stderr).toContain('hint');
      expect(stderr).not.toMatch(/\n\s+at /);
    },
  );
});

describe('policy', () => {
  beforeEach(async () => {
    await writeFile(
      config,
      [
        `dataDir: ${join(folder, 'data')}`,
        'modules: { example: {}, scratch: {} }',
        'access:',
        '  - role: reader',
        '    allow:',
        '      - scratch:*',
        '    when: tool.annotations.readOnlyHint',
        '  - { role: writer, allow: ["scratch:*"], deny: ["scratch:delete_*"] }',
      ].join('\n'),
    );
  });
  const test = (as: string, call: string, ...more: string[]) =>
    cli('policy', 'test', '--as', as, '--call', call, '--config', config, ...more);

  it('says which rule decides, and where it stands', async () => {
    const allowed = await test('role:reader', 'scratch:read_file');
    expect(allowed).toMatchObject({ exitCode: exitCodes.ok });
    expect(allowed.stdout).toContain('allowed: a rule allows it, access[0].allow[0] (line 6)');
    const denied = await test('role:writer', 'scratch:delete_file');
    expect(denied).toMatchObject({ exitCode: exitCodes.failed });
    expect(denied.stdout).toContain('refused: a rule denies it, access[1].deny[0] (line 8)');
    const conditional = await test('role:reader', 'scratch:delete_file');
    expect(conditional.stdout).toContain('access[0].allow[0] (line 6): its condition is false');
  });

  it('takes a principal as JSON, with scopes that a tool demands', async () => {
    const { exitCode, stdout } = await test(
      '{"roles":["writer"],"scopes":["scratch:read"]}',
      'scratch:write_file',
      '--json',
    );
    expect(exitCode).toBe(exitCodes.failed);
    expect(JSON.parse(stdout)).toMatchObject({ allowed: false, reason: 'scope', missingScopes: ['scratch:write'] });
  });

  it('takes a key or its id', async () => {
    const made = await cli('keys', 'create', '--name', 'k', '--role', 'writer', '--config', config, '--json');
    const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
    for (const as of [id, key]) expect((await test(as, 'scratch:read_file')).exitCode).toBe(exitCodes.ok);
    expect((await test('nobody-has-this-id', 'scratch:read_file')).exitCode).toBe(exitCodes.usage);
  });

  it('lists what a principal sees', async () => {
    const { stdout } = await cli('policy', 'list', '--as', 'role:reader', '--config', config, '--json');
    const { items } = JSON.parse(stdout) as { items: { kind: string; name: string; rule: string; line: number }[] };
    const tools = items.filter(({ kind }) => kind === 'tool').map(({ name }) => name);
    expect(tools.sort()).toEqual(['list_files', 'read_file']);
    expect(items[0]).toMatchObject({ rule: 'access[0].allow[0]', line: 6 });
  });

  it('refuses what it cannot read', async () => {
    for (const [as, call] of [
      ['{"roles":"writer"}', 'scratch:read_file'],
      ['{', 'scratch:read_file'],
      ['role:writer', 'scratch'],
    ] as const)
      expect((await test(as, call)).exitCode).toBe(exitCodes.usage);
  });
});
