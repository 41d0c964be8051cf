import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from './support/child-process.js';

const examples = join(import.meta.dirname, '..', 'examples');
/** No servers: used by the others, or tested beside it. */
const parts = ['client.ts', 'glossary.ts', 'logbook.ts', 'logbook.test.ts'];
const tsx = ['--import', import.meta.resolve('tsx')];

/** Each program of examples/: how a caller gets in, one call, and what it answers. */
const programs: Record<string, { key?: string; tool: string; args: Record<string, string>; answer: string }> = {
  'plain-http.ts': { tool: 'glossary__define', args: { term: 'bow' }, answer: 'The front of a ship.' },
  'express.ts': { tool: 'glossary__define', args: { term: 'Starboard' }, answer: 'The right side' },
  'fastify.ts': { key: 'let-me-in', tool: 'glossary__define', args: { term: 'bow' }, answer: 'The front of a ship.' },
  'sdk-server.ts': { tool: 'tides__next_tide', args: { harbour: 'Kiel' }, answer: 'High tide at Kiel' },
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seaworthy-examples-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Starts an example in a folder of its own, so that it makes a key, and on a free port. */
async function start(name: string) {
  const child = await startChild({
    command: process.execPath,
    args: [...tsx, join(examples, name)],
    cwd: mkdtempSync(join(directory, 'run-')),
    env: { PORT: '0' },
    ready: (line) => /^http\S+\/mcp$/.exec(line)?.[0],
  });
  return { ...child, key: () => /^key (\S+)$/m.exec(child.logs())?.[1] };
}

const connect = async (url: string, key: string | undefined) => {
  const client = new Client({ name: 'examples', version: '1.0.0' });
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
};

describe('examples', () => {
  it('are all tested', () => {
    const files = readdirSync(examples).filter((name) => name.endsWith('.ts') && !parts.includes(name));
    expect(files.sort()).toEqual(Object.keys(programs).sort());
  });

  it('are short', () => {
    for (const name of readdirSync(examples).filter((file) => file.endsWith('.ts')))
      expect(readFileSync(join(examples, name), 'utf8').split('\n').length, name).toBeLessThanOrEqual(50);
  });

  it.each(Object.entries(programs))('%s answers a client, beside its own pages', async (name, call) => {
    const example = await start(name);
    try {
      const client = await connect(example.value, call.key ?? example.key());
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual([call.tool]);
      const result = await client.callTool({ name: call.tool, arguments: call.args });
      expect(JSON.stringify(result.content)).toContain(call.answer);
      await client.close();

      const keyless = name === 'sdk-server.ts';
      if (!keyless) await expect(connect(example.value, 'wrong')).rejects.toThrow();
      const own = await fetch(new URL('/', example.value));
      if (!keyless) expect(await own.text()).toMatch(/^The (program|application) itself/);
    } finally {
      expect(await example.stop(), example.logs()).toBe(0);
    }
  });

  it('client.ts calls what an example serves', async () => {
    const example = await start('plain-http.ts');
    try {
      const args = [...tsx, join(examples, 'client.ts'), example.value, 'glossary__define', '{"term":"bow"}'];
      const env = { ...process.env, SEAWORTHY_KEY: example.key() };
      const { stdout } = await promisify(execFile)(process.execPath, args, { env });
      expect(stdout).toBe('glossary__define\n{"term":"bow","meaning":"The front of a ship."}\n');
    } finally {
      await example.stop();
    }
  });

  it('config/own-module.yaml serves the module that it names', async () => {
    const program = join(examples, '../dist/app/cli/main.js');
    const child = await startChild({
      command: process.execPath,
      args: [...tsx, program, 'serve', '--config', join(examples, 'config/own-module.yaml'), '--port', '0', '--json'],
      env: { SEAWORTHY_DATA_DIR: join(directory, 'own-module'), SEAWORTHY_OPERATIONS_PORT: '0' },
      ready: (line) =>
        line.startsWith('{"event"') ? (JSON.parse(line) as { url: string; apiKey: string }) : undefined,
    });
    try {
      const client = await connect(child.value.url, child.value.apiKey);
      const result = await client.callTool({ name: 'glossary__define', arguments: { term: 'stern' } });
      expect(result.structuredContent).toEqual({ term: 'stern', meaning: 'The back of a ship.' });
      await client.close();
    } finally {
      await child.stop();
    }
  });
});
