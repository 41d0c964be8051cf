import { readEnvironment } from '#kernel/config/index.js';
import { fail } from '#kernel/errors/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { Catalog } from '#gateway/catalog/index.js';
import type { Explanation, Subject } from '#gateway/policy/index.js';
import { compose } from '../compose.js';
import { policyOf } from '../policy.js';
import { loadSettings } from '../settings.js';
import { readArguments } from './call-arguments.js';
import { exitCodes } from './failure.js';
import { commandLogger } from './logging.js';
import { principalAs } from './policy-as.js';
import { linesOf } from './policy-place.js';
import { settled } from './providers-table.js';
import { visible, type Terminal } from './terminal.js';
import { isConfigured, only } from './tool-source.js';

interface TestOptions {
  readonly as: string;
  readonly call: string;
  readonly args?: string;
  readonly config?: string;
  readonly logLevel?: string;
}

/** Asks the policy as the gateway would. The provider is started: conditions may be about its tool's annotations. */
export async function action(terminal: Terminal, options: TestOptions): Promise<number> {
  const environment = readEnvironment();
  const { config, file, baseDir } = loadSettings({ file: options.config, environment });
  const lineOf = linesOf(file);
  const logger = commandLogger(config, options.logLevel ?? 'silent');
  const named = subjectOf(options.call);
  if (!isConfigured(config, named.provider)) throw fail('SW_PROVIDER_UNKNOWN', { provider: named.provider });
  const args = readArguments([], options.args, {});
  const gateway = await compose(only(config, named.provider), { logger, baseDir, environment });
  try {
    const principal = await principalAs(options.as, gateway.keys);
    await settled(gateway.catalog);
    const { tool, scopes } = factsOf(gateway.catalog, named);
    if (named.kind === 'tool' && !tool)
      terminal.note(terminal.paint.yellow('The tool is not listed: conditions on its annotations are left open.'));
    const policy = policyOf(config, { logger, metrics: gateway.metrics });
    const { decision, looked } = policy.explain(principal, { ...named, tool }, { args, scopes });
    const placed = looked.map((each) => ({ ...each, line: lineOf(each.place) ?? null }));
    const line = decision.rule === undefined ? undefined : lineOf(decision.rule);
    terminal.result({ ...decision, line: line ?? null, principal, subject: named, looked: placed }, () =>
      sentences(decision, line, placed).join('\n'),
    );
    return decision.allowed ? exitCodes.ok : exitCodes.failed;
  } finally {
    await gateway.stop();
  }
}

const kinds: Readonly<Record<string, Subject['kind']>> = { tools: 'tool', prompts: 'prompt', resources: 'resource' };

/** @throws SW_USAGE */
function subjectOf(text: string): Subject {
  const [, provider, word, name] = /^([^:]+):(?:(tools|prompts|resources)\/)?(.+)$/s.exec(text) ?? [];
  if (provider === undefined || name === undefined)
    throw fail('SW_USAGE', { reason: `--call takes provider:name, such as files:read_file, not "${text}".` });
  return { provider, kind: kinds[word ?? 'tools'] ?? 'tool', name };
}

function factsOf(catalog: Catalog, { provider, kind, name }: Subject) {
  if (kind !== 'tool') return { tool: undefined, scopes: undefined };
  const tool: JsonObject | undefined = catalog.snapshotOf(provider)?.tools.find((each) => each.name === name);
  return { tool, scopes: catalog.provider(provider).policyOf?.(name)?.scopes };
}

const reasons = {
  allowed: 'a rule allows it',
  denied: 'a rule denies it',
  'no rule': 'no rule allows it',
  failed: 'a condition could not be evaluated',
  scope: 'the credential lacks scopes',
} as const;

function sentences(
  { allowed, reason, rule, requiresConfirmation, missingScopes }: Explanation['decision'],
  line: number | undefined,
  looked: readonly (Explanation['looked'][number] & { line: number | null })[],
): string[] {
  const at = (place: string, where: number | null | undefined) =>
    where === null || where === undefined ? place : `${place} (line ${where})`;
  const concerned = looked.filter(({ outcome }) => outcome !== 'is about others' && outcome !== 'does not match');
  return [
    `${allowed ? 'allowed' : 'refused'}: ${reasons[reason]}${rule === undefined ? '' : `, ${at(rule, line)}`}`,
    ...(requiresConfirmation ? ['after the person has agreed'] : []),
    ...(missingScopes.length > 0 ? [`missing: ${missingScopes.map(visible).join(', ')}`] : []),
    ...concerned.map((each) => `  ${each.effect.padEnd(5)} ${at(each.place, each.line)}: ${each.outcome}`),
  ];
}
