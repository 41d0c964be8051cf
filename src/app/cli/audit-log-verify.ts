import { readFile } from 'node:fs/promises';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { verifyChain, verifyExport, verifyingKey, type Problem, type Verdict } from '#gateway/audit/index.js';
import { withAuditLog } from './audit-log.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

interface VerifyOptions {
  readonly config?: string;
  readonly publicKey?: string;
}

interface Named {
  readonly name: string;
  readonly verdict: Verdict;
}

const progressEvery = 100_000;

export async function action(terminal: Terminal, options: VerifyOptions, directory?: string): Promise<number> {
  const verdicts = await (directory === undefined
    ? verifyOwn(terminal, options)
    : verifyDirectory(terminal, options, directory));
  const good = verdicts.every(({ verdict }) => verdict.problems.length === 0);
  terminal.result({ good, chains: verdicts.map(({ name, verdict }) => ({ name, ...verdict })) }, () =>
    verdicts.map((named) => shown(terminal, named)).join('\n'),
  );
  return good ? exitCodes.ok : exitCodes.failed;
}

const verifyOwn = (terminal: Terminal, options: VerifyOptions): Promise<Named[]> =>
  withAuditLog(options.config, async ({ sources, key }) => {
    const checker = verifyingKey(
      options.publicKey === undefined ? (await key()).publicKey : await pem(options.publicKey),
    );
    const verdicts: Named[] = [];
    for (const source of sources) {
      const head = await source.head(checker);
      const lines = withProgress(terminal, source.name, source.forwards());
      verdicts.push({ name: source.name, verdict: await verifyChain(lines, { key: checker, head }) });
    }
    return verdicts;
  });

async function verifyDirectory(terminal: Terminal, options: VerifyOptions, directory: string): Promise<Named[]> {
  const publicKey =
    options.publicKey === undefined
      ? await withAuditLog(options.config, async ({ key }) => (await key()).publicKey)
      : await pem(options.publicKey);
  terminal.note(terminal.paint.dim(`key ${verifyingKey(publicKey).id}`));
  const verdicts = await verifyExport(directory, verifyingKey(publicKey));
  if (verdicts) return [...verdicts];
  const forged: Problem = { kind: 'forged', place: 'manifest.json', seq: undefined, through: undefined };
  return [
    {
      name: directory,
      verdict: { records: 0, problems: [forged], notes: [], lastGood: undefined, signedThrough: undefined },
    },
  ];
}

const pem = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw fail('SW_FILE_UNREADABLE', { file, reason: reasonOf(error) }, error);
  });

async function* withProgress<Line>(terminal: Terminal, name: string, lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  let count = 0;
  for await (const line of lines) {
    if (++count % progressEvery === 0) terminal.note(terminal.paint.dim(`${name}: ${count} records …`));
    yield line;
  }
}

function shown(terminal: Terminal, { name, verdict }: Named): string {
  const { red, green, yellow, dim } = terminal.paint;
  const { records, problems, notes, lastGood, signedThrough } = verdict;
  const signed = signedThrough === undefined ? 'nothing is signed' : `signed through record ${signedThrough}`;
  const head = problems.length === 0 ? green('good') : red(`${problems.length} problems`);
  const good = lastGood === undefined ? 'no good record' : `last good record ${lastGood.seq} (${lastGood.hash})`;
  return [
    `${name}: ${head}, ${records} records, ${signed}`,
    ...problems.map((problem) => `  ${red(problem.kind)} ${describe(problem)}`),
    ...(problems.length > 0 ? [`  ${good}`] : []),
    ...notes.map((note) => `  ${yellow('note')} ${dim(note)}`),
  ].join('\n');
}

function describe({ place, seq, through }: Problem): string {
  if (seq === undefined) return `at ${place}`;
  return through === undefined || through === seq
    ? `record ${seq}, at ${place}`
    : `records ${seq} to ${through}, before ${place}`;
}
