import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { type SeaworthyError } from '#kernel/errors/index.js';
import { sampleRoot } from '../../../test/support/sample-config.js';
import { diffConfig, loadConfig, readEnvironment, type ConfigProblem } from './index.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

const load = (text: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  loadConfig(sampleRoot, { text, environment, flags });

function problems(
  text: string,
  environment: Record<string, string> = {},
  flags: Record<string, string> = {},
): ConfigProblem[] {
  try {
    load(text, environment, flags);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SW_CONFIG_INVALID' });
    return (error as SeaworthyError).details['errors'] as ConfigProblem[];
  }
  return [];
}

describe('the order of sources', () => {
  it('is defaults, file, environment, flags, and remembered for each value', () => {
    const { config, sources } = load(
      'server: { host: from-file, port: 1, ratio: 0.1 }',
      { SAMPLE_PORT: '2', SAMPLE_RATIO: '0.2', SAMPLE_LEVEL: '' },
      { 'server.ratio': '0.3' },
    );
    expect(config.server).toMatchObject({ host: 'from-file', port: 2, ratio: 0.3, strict: true });
    expect(config.log.level).toBe('info');
    const origins = ['server.host', 'server.port', 'server.ratio', 'server.strict'].map((path) => sources.get(path));
    expect(origins).toEqual(['file', 'env', 'flag', 'default']);
  });

  it('makes a complete configuration from nothing, typed and frozen', () => {
    const { config, file } = loadConfig(sampleRoot, { environment: {} });
    expectTypeOf(config.server.port).toEqualTypeOf<number>();
    expectTypeOf(config.log.level).toEqualTypeOf<'debug' | 'info'>();
    expectTypeOf(config.server.tls).toEqualTypeOf<{ cert: string } | undefined>();
    expectTypeOf(config.mcpServers['x']?.args).toEqualTypeOf<string[] | undefined>();
    expect(file).toBeUndefined();
    expect(config).toMatchObject({ server: { port: 53_000, origins: [] }, mcpServers: {}, access: [] });
    expect(config.server.tls).toBeUndefined();
    expect(Object.isFrozen(config.server.origins)).toBe(true);
    expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError);
  });
});

describe('files', () => {
  it('may be YAML, JSON, or JSON with comments, tabs and trailing commas', () => {
    const yaml = 'mcpServers:\n  a: { command: run, headers: { link: https://x.example/y } }\n';
    const jsonc = `// what VS Code writes
{
\t"$schema": "./config.schema.json",
\t/* two
\t   lines */
\t"mcpServers": { "a": { "command": "run", "headers": { "link": "https://x.example/y", }, }, }, // end "here
}`;
    const json = JSON.stringify({ mcpServers: { a: { command: 'run', headers: { link: 'https://x.example/y' } } } });
    for (const text of [yaml, jsonc, json]) {
      expect(load(text).config.mcpServers['a']).toEqual({
        command: 'run',
        args: [],
        env: {},
        headers: { link: 'https://x.example/y' },
      });
    }
    expect(load('').config.server.port).toBe(53_000);
    expect(problems('{\n\t// c\n\t"server": { "prot": 1 }\n}')).toMatchObject([{ path: 'server.prot', line: 3 }]);
  });

  it('are named when they cannot be read', async () => {
    const file = join(folder, 'missing.yaml');
    expect(() => loadConfig(sampleRoot, { file, environment: {} })).toThrow(
      expect.objectContaining({ code: 'SW_CONFIG_UNREADABLE' }) as Error,
    );
    await writeFile(file, 'server: { port: 7 }');
    expect(loadConfig(sampleRoot, { file, environment: {} })).toMatchObject({ file, config: { server: { port: 7 } } });
  });

  it('are refused with the line when they are not well formed', () => {
    expect(problems('server:\n  port: 1\n  port: 2\n')).toMatchObject([
      { line: 3, message: expect.stringMatching(/unique/i) as string },
    ]);
    expect(problems('server: [\n')).not.toEqual([]);
    expect(problems('- a\n')).toMatchObject([{ message: 'The file must hold an object of settings.' }]);
  });
});

describe('problems', () => {
  it('are all reported at once, each with its path, line and a way out', () => {
    const text = 'sevrer: {}\nserver:\n  port: many\n  prot: 1\naccess:\n  - {}\nlog: { level: loud }\nserverless: 1\n';
    expect(problems(text, { SAMPLE_STRICT: 'perhaps' })).toEqual([
      {
        path: 'server.strict',
        message: 'from SAMPLE_STRICT must be true or false, not "perhaps"',
        hint: 'Strictness.',
      },
      { path: 'server.port', line: 3, message: 'expected number, received string', hint: 'Port.' },
      {
        path: 'server.prot',
        line: 4,
        message: 'is not a known setting',
        hint: 'The nearest valid name is server.port.',
      },
      { path: 'log.level', line: 7, message: 'expected one of "debug"|"info"', hint: 'Level.' },
      { path: 'access[0].role', line: 6, message: 'is required', hint: 'Role.' },
      { path: 'sevrer', line: 1, message: 'is not a known setting', hint: 'The nearest valid name is server.' },
      {
        path: 'serverless',
        line: 8,
        message: 'is not a known setting',
        hint: 'Valid names here: server, log, storage, mcpServers, access.',
      },
    ]);
  });

  it('do not repeat the value of a secret', () => {
    const found = [
      ...problems('storage: { url: "/planted" }'),
      ...problems('', { SAMPLE_WAIT_MS: 'planted' }),
      ...problems('', {}, { 'storage.waitMs': 'planted' }),
    ];
    expect(found).toHaveLength(3);
    expect(JSON.stringify(found)).not.toContain('planted');
  });

  it('of a value with several shapes are those of the closest shape', () => {
    const root = z.strictObject({
      entry: z.union([z.strictObject({ command: z.string() }), z.strictObject({ url: z.string(), port: z.int() })]),
    });
    const attempt = (): unknown => loadConfig(root, { text: 'entry: { url: a, port: b }', environment: {} });
    expect(attempt).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ errors: [expect.objectContaining({ path: 'entry.port' })] }) as object,
      }) as Error,
    );
  });
});

describe('text from the environment and from flags', () => {
  it('is read as the type of its field', () => {
    const { config } = load('', {
      SAMPLE_HOST: ' 0x10 ',
      SAMPLE_PORT: ' 8080 ',
      SAMPLE_ORIGINS: 'https://a.example, https://b.example,',
      SAMPLE_STRICT: 'No',
      SAMPLE_RATIO: '.25',
    });
    expect(config.server).toEqual({
      host: ' 0x10 ',
      port: 8080,
      origins: ['https://a.example', 'https://b.example'],
      strict: false,
      ratio: 0.25,
    });
    expect(load('', { SAMPLE_ORIGINS: '["a,b"]' }).config.server.origins).toEqual(['a,b']);
    expect(problems('', { SAMPLE_PORT: '80.5' })).toMatchObject([
      { message: expect.stringContaining('whole number') as string },
    ]);
    expect(problems('', { SAMPLE_PORT: '70000' })).toMatchObject([{ path: 'server.port' }]);
  });

  it('reaches records by flag, and refuses a path that does not exist', () => {
    const { config } = load('', {}, { 'mcpServers.a.command': 'run', 'mcpServers.a.env.X': '1' });
    expect(config.mcpServers['a']).toMatchObject({ command: 'run', env: { X: '1' } });
    expect(problems('', {}, { 'server.prt': '1', 'server.port.deep': '1', '__proto__.x': '1' })).toMatchObject([
      { path: 'server.prt', hint: 'The nearest valid name is server.port.' },
      { path: 'server.port.deep' },
      { path: '__proto__' },
    ]);
  });
});

describe('variables inside mcpServers', () => {
  const text = `
server: { host: "\${HOST}" }
mcpServers:
  a:
    command: run
    args: ["--token=\${TOKEN}", "$\${TOKEN}", "\${MISSING:-none}"]
    env: { KEY: "\${env:TOKEN}" }
    headers: { authorization: "Bearer \${TOKEN}" }
`;

  it('are replaced once, there and nowhere else', () => {
    const { config } = load(text, { TOKEN: 'a${HOST}' });
    expect(config.server.host).toBe('${HOST}');
    expect(config.mcpServers['a']).toEqual({
      command: 'run',
      args: ['--token=a${HOST}', '${TOKEN}', 'none'],
      env: { KEY: 'a${HOST}' },
      headers: { authorization: 'Bearer a${HOST}' },
    });
  });

  it('are named when they are not set', () => {
    expect(problems(text)).toMatchObject([
      { path: 'mcpServers.a.args[0]', message: 'the environment variable TOKEN is not set' },
      { path: 'mcpServers.a.env.KEY' },
      { path: 'mcpServers.a.headers.authorization' },
    ]);
    expect(problems('mcpServers: { a: { args: ["${input:key}"] } }')).toMatchObject([
      { message: '${input:key} does not name an environment variable' },
    ]);
  });
});

describe('a change of configuration', () => {
  it('is a list of paths, each with what it takes', () => {
    const before = load('mcpServers: { a: { command: x }, b: { command: y } }\nserver: { origins: [a] }');
    const after = load(
      'mcpServers: { a: { command: z }, "c.d": {} }\nserver: { origins: [b] }\nlog: { level: debug, file: f }',
    );
    expect(diffConfig(before, after)).toEqual([
      { path: 'server.origins', reload: 'restart' },
      { path: 'log.level', reload: 'live' },
      { path: 'log.file', reload: 'restart' },
      { path: 'mcpServers.a.command', reload: 'live' },
      { path: 'mcpServers.b', reload: 'live' },
      { path: 'mcpServers["c.d"]', reload: 'live' },
    ]);
    expect(diffConfig(before, before)).toEqual([]);
  });
});

it('the environment is read as a frozen copy', () => {
  const environment = readEnvironment();
  expect(environment['PATH']).toBe(process.env['PATH']);
  expect(Object.isFrozen(environment)).toBe(true);
});
