import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditRecord, openTestAudit } from '../../../test/support/audit.js';
import { chained, readRecord, type ChainHead } from './chain.js';
import {
  exportAudit,
  fileSources,
  openSigningKey,
  queryAudit,
  verifyChain,
  verifyExport,
  verifyingKey,
} from './index.js';
import type { SigningKey } from './signing-key.js';
import type { LocatedLine, ProblemKind, Verdict } from './verify.js';

let root: string;
let key: SigningKey;
/** A real log over several files: 40 calls, rotated, restarted once, checkpoints throughout. */
let lines: readonly LocatedLine[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
  for (const run of [0, 1]) {
    const { log } = await openTestAudit(root, { file: { maxFileBytes: 3000 }, checkpointRecords: 4 });
    for (let i = 0; i < 20; i++) {
      log.write(
        auditRecord(`r${run}-${i}`, {
          time: Date.UTC(2026, 0, 1, run, i),
          ...(i % 2 === 0 ? { outcome: 'refused', code: 'SW_ACCESS_DENIED' } : {}),
        }),
      );
      if (i % 5 === 0) await log.flush();
    }
    await log.close();
  }
  key = await openSigningKey(join(root, 'keys', 'audit.pem'));
  lines = await all((await fileSources(join(root, 'audit'))).flatMap((source) => source.forwards()));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function all<Item>(sources: readonly AsyncIterable<Item>[]): Promise<Item[]> {
  const items: Item[] = [];
  for (const source of sources) for await (const item of source) items.push(item);
  return items;
}

const verify = async (given: readonly LocatedLine[]): Promise<Verdict> => {
  const head = await (await fileSources(join(root, 'audit')))[0]?.head(verifyingKey(key.publicKey));
  return verifyChain(given, { key: verifyingKey(key.publicKey), head });
};
const kinds = ({ problems }: Verdict): ProblemKind[] => problems.map(({ kind }) => kind);

describe('a chain', () => {
  it('over files and restarts is good, to the last record', async () => {
    const verdict = await verify(lines);
    expect(verdict).toMatchObject({ problems: [], notes: [], records: lines.length });
    expect(verdict.lastGood?.seq).toBe(lines.length - 1);
    expect(verdict.signedThrough).toBe(lines.length - 1);
    expect(new Set(lines.map(({ place }) => place.split(':')[0])).size).toBeGreaterThan(3);
  });

  const anyLine = () => fc.nat({ max: 10_000 }).map((n) => n % lines.length);
  const check = (property: fc.IAsyncProperty<unknown[]>) => fc.assert(property as never, { numRuns: 60 });

  it('names every record that was changed, whatever was changed in it', () =>
    check(
      fc.asyncProperty(anyLine(), fc.nat(), fc.integer({ min: 32, max: 126 }), async (at, where, code) => {
        const line = lines[at] as LocatedLine;
        const i = where % line.text.length;
        const text = line.text.slice(0, i) + String.fromCharCode(code) + line.text.slice(i + 1);
        if (text === line.text) return;
        const verdict = await verify(lines.with(at, { ...line, text }));
        expect(verdict.problems.length).toBeGreaterThan(0);
        expect(verdict.lastGood?.seq ?? -1).toBe(at - 1);
      }) as never,
    ));

  it('names a record that was changed and given a hash that fits', () =>
    check(
      fc.asyncProperty(anyLine(), async (at) => {
        const line = lines[at] as LocatedLine;
        const { chain, seq, prev, members } = readRecord(line.text) as NonNullable<ReturnType<typeof readRecord>>;
        const before: ChainHead = { chain, seq: seq - 1, hash: prev };
        const forged = chained(before, 0, { ...members, hash: undefined, requestId: 'another' });
        const verdict = await verify(lines.with(at, { ...line, text: forged.text }));
        expect(verdict.problems.length + Number(at === lines.length - 1)).toBeGreaterThan(0);
        if (at < lines.length - 1) expect(verdict.problems[0]).toMatchObject({ seq: at });
      }) as never,
    ));

  it('names a record that was removed', () =>
    check(
      fc.asyncProperty(anyLine(), async (at) => {
        const verdict = await verify(lines.toSpliced(at, 1));
        expect(verdict.problems).toEqual([
          expect.objectContaining({
            kind: at === lines.length - 1 ? 'truncated' : 'removed',
            seq: at,
            through: at === 0 ? 0 : at,
          }),
        ]);
      }) as never,
    ));

  it('names records that changed places, in one file or between files', () =>
    check(
      fc.asyncProperty(anyLine(), anyLine(), async (from, to) => {
        if (from === to) return;
        const line = lines[from] as LocatedLine;
        const verdict = await verify(lines.toSpliced(from, 1).toSpliced(to, 0, line));
        expect(verdict.problems.length).toBeGreaterThan(0);
        expect(kinds(verdict)).toContain('reordered');
      }) as never,
    ));

  it('names a record that stands there twice', () =>
    check(
      fc.asyncProperty(anyLine(), anyLine(), async (from, to) => {
        if (to <= from) return;
        const verdict = await verify(lines.toSpliced(to, 0, lines[from] as LocatedLine));
        expect(kinds(verdict)).toEqual(['duplicated']);
        expect(verdict.problems[0]?.seq).toBe(from);
      }) as never,
    ));

  it('tells that its end is missing', () =>
    check(
      fc.asyncProperty(anyLine(), async (at) => {
        if (at === 0) return;
        expect(kinds(await verify(lines.slice(0, at)))).toEqual(['truncated']);
      }) as never,
    ));

  it('does not take the signature of another key', async () => {
    const other = await openSigningKey(join(root, 'other', 'audit.pem'));
    const verdict = await verifyChain(lines, { key: verifyingKey(other.publicKey) });
    expect(new Set(kinds(verdict))).toEqual(new Set(['forged']));
    expect(verdict.signedThrough).toBeUndefined();
  });

  it('does not take a record of another chain, nor a line that is none', async () => {
    const foreign = chained({ chain: 'f'.repeat(12), seq: 4, hash: '0'.repeat(64) }, 0, { kind: 'call' });
    const place = 'x:1';
    expect(kinds(await verify(lines.toSpliced(5, 0, { text: foreign.text, place, whole: true })))).toEqual(['foreign']);
    expect(kinds(await verify(lines.with(5, { text: '{', place, whole: true })))).toEqual(['unreadable']);
  });

  it('has a note, and no problem, where its last line has no end', async () => {
    const verdict = await verify([...lines, { text: '{"v":1', place: 'x:1', whole: false }]);
    expect([verdict.problems, verdict.notes.length]).toEqual([[], 1]);
  });
});

describe('a query', () => {
  const query = async (filter: Parameters<typeof queryAudit>[1], limit: number, cursor?: string) =>
    queryAudit(await fileSources(join(root, 'audit')), filter, limit, cursor);
  const ids = (page: Awaited<ReturnType<typeof query>>) => page.records.map(({ members }) => members['requestId']);

  it('shows the newest first, page by page, every record once', async () => {
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await query({ principal: 'laptop' }, 7, cursor);
      seen.push(...ids(page));
      cursor = page.cursor;
    } while (cursor !== undefined);
    const expected = [1, 0].flatMap((run) => Array.from({ length: 20 }, (_, i) => `r${run}-${19 - i}`));
    expect(seen).toEqual(expected);
  });

  it('filters by time and by what happened', async () => {
    const page = await query({ from: Date.UTC(2026, 0, 1, 1, 4), to: Date.UTC(2026, 0, 1, 1, 8) }, 100);
    expect(ids(page)).toEqual(['r1-8', 'r1-7', 'r1-6', 'r1-5', 'r1-4']);
    expect(ids(await query({ outcome: 'refused', code: 'SW_ACCESS_DENIED' }, 2))).toEqual(['r1-18', 'r1-16']);
    expect(ids(await query({ requestId: 'r0-3', provider: 'p' }, 5))).toEqual(['r0-3']);
    expect(ids(await query({ provider: 'q' }, 5))).toEqual([]);
    expect((await query({ event: 'checkpoint' }, 100)).records.length).toBeGreaterThan(5);
  });

  it('refuses a cursor that is none', async () => {
    await expect(query({}, 5, 'x')).rejects.toMatchObject({ code: 'SW_CURSOR_INVALID' });
  });
});

describe('an export', () => {
  it('is verified by others with the public key alone, and tells when it was changed', async () => {
    const directory = join(root, 'export');
    const range = { from: Date.UTC(2026, 0, 1, 0, 10), to: Date.now() + 1000 };
    const manifest = await exportAudit(await fileSources(join(root, 'audit')), range, directory, key, () => {});
    expect((await readdir(directory)).sort()).toEqual([
      'manifest.json',
      'manifest.sig',
      'public-key.pem',
      'records-1.jsonl',
    ]);
    const checker = verifyingKey(await readFile(join(directory, 'public-key.pem'), 'utf8'));
    const verdicts = await verifyExport(directory, checker);
    expect(verdicts).toMatchObject([{ verdict: { problems: [], records: manifest.chains[0]?.records } }]);

    const file = join(directory, 'records-1.jsonl');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.split('\n').slice(0, -2).join('\n') + '\n');
    expect((await verifyExport(directory, checker))?.[0]?.verdict.problems).toMatchObject([{ kind: 'truncated' }]);
    await writeFile(file, text.split('\n').slice(1).join('\n'));
    expect((await verifyExport(directory, checker))?.[0]?.verdict.problems).toMatchObject([{ kind: 'removed' }]);
    await writeFile(file, text);
    await appendFile(join(directory, 'manifest.json'), ' ');
    expect(await verifyExport(directory, checker)).toBeUndefined();
  });
});
