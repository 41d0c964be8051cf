import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditLines, auditRecord, openTestAudit } from './support/audit.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

it('describes every record that is written, and no member that is not', async () => {
  const page = await readFile(join(import.meta.dirname, '../docs/reference/audit.md'), 'utf8');
  const schema = JSON.parse(/^```json\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '') as { properties: object };
  const ajv = new Ajv2020({ strict: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const validate = ajv.compile(schema);
  const { log, file } = await openTestAudit(root, { maxWaiting: 2 });
  log.write(
    auditRecord('a', {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      ...{ route: 'p', shown: 'p__x', pin: 'sha256:x', arguments: { n: 1 }, code: 'peer' },
      ...{ bytesOut: 1, queueMs: 1, upstreamMs: 1, event: 'policy.refused', detail: { key: 'k' } },
    }),
  );
  log.write(auditRecord('b'));
  log.write(auditRecord('c'));
  await log.close();
  const lines = await auditLines(file);
  for (const line of lines) expect([validate(line), validate.errors, line]).toEqual([true, null, line]);
  const written = new Set(lines.flatMap((line) => Object.keys(line)));
  expect([...written].sort()).toEqual(Object.keys(schema.properties).sort());
});
