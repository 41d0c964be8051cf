import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { sampleRoot } from '../../../test/support/sample-config.js';
import { envExample, jsonSchemaOf, referencePage } from './index.js';

describe('the JSON Schema', () => {
  const schema = jsonSchemaOf(sampleRoot);
  const validate = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    keywords: ['x-env', 'x-unit', 'x-reload'],
  }).compile(schema);

  it('accepts what the loader accepts and refuses unknown names', () => {
    expect(validate({})).toBe(true);
    expect(validate({ $schema: './x.json', server: { port: 1 }, mcpServers: { a: { command: 'run' } } })).toBe(true);
    expect(validate({ server: { prot: 1 } })).toBe(false);
    expect(validate({ server: { port: 1.5 } })).toBe(false);
    expect(validate({ access: [{}] })).toBe(false);
  });

  it('carries descriptions, defaults and our metadata', () => {
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema).toMatchObject({
      properties: {
        server: { properties: { port: { description: 'Port.', default: 53_000, 'x-env': 'SAMPLE_PORT' } } },
        storage: { properties: { url: { writeOnly: true }, waitMs: { 'x-unit': 'ms' } } },
      },
    });
  });
});

describe('the reference page', () => {
  const lines = referencePage(sampleRoot).trimEnd().split('\n');

  it('has one row per setting, those of records and lists included', () => {
    expect(lines[0]).toBe('| Setting | Type | Default | Environment | Unit | Reload | What it does |');
    expect(lines).toContain(
      '| `server.port` | whole number, 0 to 65535 | `53000` | `SAMPLE_PORT` |  | restart | Port. |',
    );
    expect(lines).toContain('| `log.level` | `debug` \\| `info` | `"info"` | `SAMPLE_LEVEL` |  | live | Level. |');
    expect(lines).toContain('| `log.file` | string |  |  |  | restart | File. |');
    expect(lines).toContain('| `mcpServers.<name>.args` | list of string | `[]` |  |  | live | Arguments. |');
    expect(lines).toContain('| `access[].role` | string | required |  |  | restart | Role. |');
    expect(lines).toContain(
      '| `server.ratio` | number, 0 to 1 | `0.5` | `SAMPLE_RATIO` |  | restart | A share \\| part. |',
    );
  });
});

describe('.env.example', () => {
  it('holds every variable with its default, but no secret', () => {
    const text = envExample(sampleRoot);
    expect(text).toContain('# server.port: Port.\n# SAMPLE_PORT=53000\n');
    expect(text).toContain('# SAMPLE_ORIGINS=\n');
    expect(text).toContain('# storage.url: Database.\n# SAMPLE_URL=\n');
    expect(text).toContain('# storage.waitMs: Wait. (ms)\n');
  });
});
