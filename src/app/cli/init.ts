import { exitCodes } from './failure.js';
import { initialise, showReport, type InitialiseReport } from './initialise.js';
import type { Terminal } from './terminal.js';

interface InitCommandOptions {
  readonly output: string;
  readonly force?: true;
  readonly discover: boolean;
  readonly readOnly?: true;
}

export async function action(terminal: Terminal, options: InitCommandOptions, ...files: string[]): Promise<number> {
  const report = await initialise(terminal, {
    files,
    output: options.output,
    force: options.force === true,
    discover: options.discover,
    readOnly: options.readOnly === true,
  });
  terminal.result(plainReport(report), () => `${showReport(terminal, report)}\n\nNext: seaworthy serve`);
  return exitCodes.ok;
}

/** The report as data; the secrets that were found are not part of it. */
function plainReport({ output, lockFile, imported, discoveries }: InitialiseReport) {
  return {
    output,
    ...(lockFile !== undefined && { lockFile }),
    files: imported.files,
    servers: imported.servers.map(({ id, name, source, notes }) => {
      const discovery = discoveries?.get(id);
      const found = discovery?.kind === 'found' ? discovery.snapshot : undefined;
      return {
        id,
        name,
        source,
        notes,
        discovery: discovery?.kind ?? 'skipped',
        ...(discovery && { ms: discovery.ms }),
        ...(discovery?.kind === 'failed' && { reason: discovery.reason }),
        ...(found && {
          tools: found.tools.length,
          resources: found.resources.length + found.resourceTemplates.length,
          prompts: found.prompts.length,
        }),
      };
    }),
    skipped: imported.skipped,
    variables: imported.variables.map(({ name, usedBy, description, literal }) => ({
      name,
      usedBy,
      ...(description !== undefined && { description }),
      inClientFile: literal !== undefined,
    })),
  };
}
