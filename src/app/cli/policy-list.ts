import { readEnvironment } from '#kernel/config/index.js';
import type { View } from '#gateway/catalog/index.js';
import type { Rights, Subject } from '#gateway/policy/index.js';
import { compose } from '../compose.js';
import { loadSettings } from '../settings.js';
import { exitCodes } from './failure.js';
import { commandLogger } from './logging.js';
import { principalAs } from './policy-as.js';
import { linesOf } from './policy-place.js';
import { settled } from './providers-table.js';
import { visible, type Terminal } from './terminal.js';

interface ListOptions {
  readonly as: string;
  readonly config?: string;
  readonly logLevel?: string;
}

export async function action(terminal: Terminal, options: ListOptions): Promise<number> {
  const environment = readEnvironment();
  const { config, file, baseDir } = loadSettings({ file: options.config, environment });
  const lineOf = linesOf(file);
  const logger = commandLogger(config, options.logLevel ?? 'silent');
  const gateway = await compose(config, { logger, baseDir, environment });
  try {
    const principal = await principalAs(options.as, gateway.keys);
    await settled(gateway.catalog);
    const away = gateway.catalog.providers.filter((each) => each.snapshot() === undefined).map(({ id }) => id);
    if (away.length > 0) terminal.note(terminal.paint.yellow(`Not answering: ${away.join(', ')}.`));
    const view = await gateway.catalog.view(undefined, principal, 'modern');
    const items = itemsOf(view, gateway.catalog.rightsOf(principal)).map((item) => ({
      ...item,
      line: lineOf(item.rule) ?? null,
    }));
    const rows = items.map(({ kind, provider, name, rule, line, confirm }) => [
      kind,
      visible(`${provider}:${name}`),
      line === null ? rule : `${rule}, line ${line}`,
      confirm ? 'asks first' : '',
    ]);
    const table = await terminal.table(['kind', 'name', 'rule', ''], rows);
    terminal.result({ principal, items, unavailable: away }, () =>
      rows.length === 0 ? 'This principal sees nothing: no rule of access allows anything.' : table,
    );
    return exitCodes.ok;
  } finally {
    await gateway.stop();
  }
}

function itemsOf({ tools, prompts, resources, templates }: View, rights: Rights) {
  const subjects: Subject[] = [
    ...[...tools.values()].map(({ provider, name, item }) => ({ provider, kind: 'tool' as const, name, tool: item })),
    ...[...prompts.values()].map(({ provider, name }) => ({ provider, kind: 'prompt' as const, name })),
    ...[...resources.values(), ...templates.values()].map(({ provider, name }) => ({
      provider,
      kind: 'resource' as const,
      name,
    })),
  ];
  return subjects.map((subject) => {
    const { rule = '', requiresConfirmation } = rights.admit(subject);
    return { kind: subject.kind, provider: subject.provider, name: subject.name, rule, confirm: requiresConfirmation };
  });
}
