import { reasonOf } from '#kernel/errors/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { modern } from '#protocol/revisions/index.js';
import type { Tool } from '#protocol/model/index.js';
import { nameProblems, type Catalog, type Provider, type ProviderSnapshot } from '#gateway/catalog/index.js';
import { SchemaChecks } from '#gateway/pipeline/index.js';
import { countsOf } from '../import/index.js';
import { failure, ok, warning, type Finding } from './finding.js';
import { settled } from './providers-table.js';

/** Every provider: whether it answers, how fast, and what in its lists will make trouble. */
export async function checkProviders(
  catalog: Catalog,
): Promise<{ readonly findings: readonly Finding[]; readonly snapshots: readonly ProviderSnapshot[] }> {
  await settled(catalog);
  const snapshots: ProviderSnapshot[] = [];
  const findings: Finding[] = [];
  for (const provider of catalog.providers) {
    const check = `provider ${provider.id}`;
    try {
      const { snapshot, ms } = await timed(provider);
      snapshots.push(snapshot);
      const { serverInfo, family } = snapshot;
      const who = serverInfo ? ` ${serverInfo.name} ${serverInfo.version}` : '';
      findings.push(ok(check, `${provider.kind}, ${family},${who} · ${countsOf(snapshot)} · lists read in ${ms} ms`));
      findings.push(...snapshot.tools.flatMap((tool) => toolProblems(check, tool)));
    } catch (error) {
      findings.push(failure(check, `It does not answer: ${reasonOf(error)}`, hintFor(provider)));
    }
  }
  for (const { provider, name, shown } of nameProblems(snapshots))
    findings.push(
      warning(
        `provider ${provider}`,
        `${name} is longer than 64 characters with its prefix; /mcp shows it as ${shown}.`,
        'Give the provider a shorter name.',
      ),
    );
  return { findings, snapshots };
}

/** A provider that has answered is asked again, so that the figure is its own and not that of its start. */
async function timed(provider: Provider): Promise<{ snapshot: ProviderSnapshot; ms: number }> {
  const startedAt = performance.now();
  const snapshot = await provider.refresh();
  return { snapshot, ms: Math.round(performance.now() - startedAt) };
}

function toolProblems(check: string, { name, inputSchema }: Tool): Finding[] {
  const reasons: string[] = [];
  const reporting = {
    ...silentLogger,
    info: (fields: object) => void reasons.push(String((fields as { reason?: unknown }).reason)),
  };
  new SchemaChecks(reporting).problemsOf(inputSchema, {});
  const broken = reasons.map((reason) =>
    warning(
      check,
      `The schema of tool ${name} cannot be compiled: ${reason}.`,
      'Its arguments are not checked here; tell the author of the server.',
    ),
  );
  const headers = modern.readParamHeaders(inputSchema);
  if (headers.valid) return broken;
  return [
    ...broken,
    warning(
      check,
      `Tool ${name} breaks the rules of x-mcp-header: ${headers.reason}.`,
      'Clients over HTTP leave it out; tell the author of the server.',
    ),
  ];
}

function hintFor({ kind }: Provider): string {
  if (kind === 'stdio') return 'Start its command by hand and look at what it prints.';
  return kind === 'module'
    ? 'Look at its settings under modules.'
    : 'Check url and headers, and that the server is running.';
}
