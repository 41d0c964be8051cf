import { parse } from 'yaml';
import { expect, it } from 'vitest';
import { loadConfig } from '#kernel/config/index.js';
import { rootConfig } from '../config.js';
import { renderConfig, shownPath, type Discovery, type Import, type ImportedServer } from './index.js';

const server = (id: string, definition: ImportedServer['definition'], name = id): ImportedServer => ({
  id,
  name,
  source: '/home/me/project/.mcp.json',
  definition,
  notes: [],
});
const imported = (...servers: ImportedServer[]): Import => ({
  files: ['/home/me/project/.mcp.json'],
  servers,
  skipped: [],
  variables: [],
});
const found = (tools: object[], rest: object = {}): Discovery => ({
  kind: 'found',
  ms: 1,
  snapshot: { provider: 'a', tools, prompts: [], resources: [], resourceTemplates: [], ...rest } as never,
});
const options = { baseDir: '/home/me/project', home: '/home/me', readOnly: false, discoveries: undefined };

it('writes values that are read back exactly, whatever they hold', () => {
  const nasty = [
    'yes',
    '1',
    '',
    '# no',
    'a: b',
    '- x',
    '"q"',
    "it's",
    '{}',
    '@x/y',
    '${A}',
    '*',
    'line\nbreak',
    'ü',
    ' x ',
    '~',
  ];
  const definition = { command: 'a b', args: nasty, env: Object.fromEntries(nasty.map((text, i) => [`V${i}`, text])) };
  const text = renderConfig(imported(server('one', definition)), options);
  expect(parse(text)).toMatchObject({ mcpServers: { one: definition } });
});

it('writes a file that loads, with one rule per tool and the dangerous ones last and marked', () => {
  const tools = [
    { name: 'wipe', annotations: { destructiveHint: true } },
    { name: 'look', annotations: { readOnlyHint: true } },
    { name: 'add', annotations: { readOnlyHint: false, destructiveHint: false } },
    { name: 'plain' },
  ];
  const discoveries = new Map([['a', found(tools, { prompts: [{ name: 'p' }] })]]);
  const text = renderConfig(imported(server('a', { command: 'a', args: [], env: {} }, 'Server A')), {
    ...options,
    discoveries,
  });
  expect(text).toContain('# "Server A" in .mcp.json');
  expect(text).toMatch(/wipe {2}# may destroy data/);
  expect(loadConfig(rootConfig, { text, environment: {} }).config.access).toMatchObject([
    {
      role: 'owner',
      allow: ['a:tools/look', 'a:tools/plain', 'a:tools/add', 'a:tools/wipe', 'a:prompts/*', 'admin:*'],
      deny: [],
    },
  ]);
  const careful = renderConfig(imported(server('a', { command: 'a', args: [], env: {} })), {
    ...options,
    discoveries,
    readOnly: true,
  });
  expect(parse(careful)).toMatchObject({ access: [{ allow: ['a:tools/look', 'a:prompts/*', 'admin:*'] }] });
});

it('does not let a name of a server become a rule or a pattern', () => {
  const discoveries = new Map([['a', found([{ name: 'x*' }, { name: 'y\n- "*:*"' }, { name: 'z # ok' }])]]);
  const text = renderConfig(imported(server('a', { command: 'a', args: [], env: {} })), { ...options, discoveries });
  expect(parse(text)).toMatchObject({ access: [{ allow: ['a:tools/z # ok', 'admin:*'] }] });
});

it('allows nothing of a server that failed or was not looked at', () => {
  const a = server('a', { url: 'https://x.test/mcp', headers: {} });
  const discoveries = new Map<string, Discovery>([['a', { kind: 'failed', reason: 'no\nanswer', ms: 1 }]]);
  for (const each of [options, { ...options, discoveries }])
    expect(parse(renderConfig(imported(a), each))).toMatchObject({ access: [{ role: 'owner', allow: ['admin:*'] }] });
});

it('names files as people would', () => {
  expect(shownPath('/home/me/project/.mcp.json', options)).toBe('.mcp.json');
  expect(shownPath('/home/me/.cursor/mcp.json', options)).toBe('~/.cursor/mcp.json');
  expect(shownPath('/etc/mcp.json', options)).toBe('/etc/mcp.json');
});
