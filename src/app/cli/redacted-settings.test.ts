import { expect, it } from 'vitest';
import { jsonSchemaOf, loadConfig } from '#kernel/config/index.js';
import { rootConfig } from '../config.js';
import { redactedSettings } from './redacted-settings.js';

it('shows every setting with its source and none of the secrets', () => {
  const text = JSON.stringify({
    server: { port: 1234 },
    storage: { url: 'postgres://me:hunter2@db/x' },
    mcpServers: {
      'a-b': {
        command: 'run',
        args: [
          '--token',
          'hunter2',
          '--api-key=hunter2',
          'Authorization: Bearer hunter2',
          'https://u:hunter2@h/',
          'plain',
        ],
        env: { 'A.B': 'plain', API_KEY: 'hunter2', OTHER: '${OTHER}' },
      },
      remote: { url: 'https://x.test/mcp?token=hunter2', headers: { authorization: 'Bearer hunter2' } },
    },
    modules: { own: { password: 'hunter2', nested: { apiKey: 'hunter2', name: 'plain' } } },
  });
  const { config, sources } = loadConfig(rootConfig, { text, environment: {}, interpolate: [] });
  const settings = redactedSettings(config, sources, jsonSchemaOf(rootConfig));
  const byPath = Object.fromEntries(settings.map(({ path, value, source }) => [path, { value, source }]));
  expect(JSON.stringify(settings)).not.toContain('hunter2');
  expect(byPath['server.port']).toEqual({ value: 1234, source: 'file' });
  expect(byPath['server.host']).toEqual({ value: '127.0.0.1', source: 'default' });
  expect(byPath['storage.url']).toEqual({ value: '[secret]', source: 'file' });
  expect(byPath['mcpServers.a-b.env["A.B"]']).toEqual({ value: 'plain', source: 'file' });
  expect(byPath['mcpServers.a-b.env.OTHER']).toEqual({ value: '${OTHER}', source: 'file' });
  expect(settings.every(({ value }) => value !== undefined)).toBe(true);
});
