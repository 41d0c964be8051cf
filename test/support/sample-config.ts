import { z } from 'zod';
import { field } from '#kernel/config/index.js';

/** A small root schema with every kind of field, for the tests of the loader and the generators. */
export const sampleRoot = field.section(
  {
    server: field.section(
      {
        host: field.string({ default: '127.0.0.1', env: 'SAMPLE_HOST', doc: 'Address.' }),
        port: field.int({ default: 53_000, min: 0, max: 65_535, env: 'SAMPLE_PORT', doc: 'Port.' }),
        origins: field.list(z.string(), { default: [], env: 'SAMPLE_ORIGINS', doc: 'Origins.' }),
        strict: field.boolean({ default: true, env: 'SAMPLE_STRICT', doc: 'Strictness.' }),
        ratio: field.number({ default: 0.5, min: 0, max: 1, env: 'SAMPLE_RATIO', doc: 'A share | part.' }),
        tls: field.section({ cert: field.string({ doc: 'Certificate.' }) }, 'TLS.', { optional: true }),
      },
      'Listener.',
    ),
    log: field.section(
      {
        level: field.oneOf(['debug', 'info'], { default: 'info', env: 'SAMPLE_LEVEL', doc: 'Level.' }),
        file: field.string({ optional: true, reload: 'restart', doc: 'File.' }),
      },
      'Log.',
      { reload: 'live' },
    ),
    storage: field.section(
      {
        url: field.string({ default: 'sqlite:', env: 'SAMPLE_URL', secret: true, doc: 'Database.', pattern: /^\w+:/ }),
        waitMs: field.int({ default: 10, min: 1, env: 'SAMPLE_WAIT_MS', secret: true, unit: 'ms', doc: 'Wait.' }),
      },
      'Database.',
    ),
    mcpServers: field.record(
      field.section(
        {
          command: field.string({ optional: true, doc: 'Program.' }),
          args: field.list(z.string(), { default: [], doc: 'Arguments.' }),
          env: field.record(z.string(), { default: {}, doc: 'Variables.' }),
          headers: field.record(z.string(), { default: {}, doc: 'Headers.' }),
        },
        'Server.',
      ),
      { default: {}, reload: 'live', doc: 'Servers.' },
    ),
    access: field.list(field.section({ role: field.string({ doc: 'Role.' }) }, 'Rule.'), {
      default: [],
      doc: 'Rules.',
    }),
  },
  'Sample.',
);
