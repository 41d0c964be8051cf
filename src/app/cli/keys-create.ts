import { localUser } from '#gateway/auth/index.js';
import { keyCreated } from '../audit.js';
import { shownKey } from '../shown-key.js';
import { durationMs } from './duration.js';
import { exitCodes } from './failure.js';
import { withKeyChanges } from './keys.js';
import type { Terminal } from './terminal.js';

interface CreateOptions {
  readonly config?: string;
  readonly name: string;
  readonly role: readonly string[];
  readonly expires?: string;
  readonly scope?: readonly string[];
  readonly address?: readonly string[];
  readonly description?: string;
}

export async function action(terminal: Terminal, options: CreateOptions): Promise<number> {
  const lifeMs = options.expires === undefined ? undefined : durationMs('--expires', options.expires);
  return withKeyChanges(options.config, async (keys, audit, { access }) => {
    const expiresAt = lifeMs === undefined ? undefined : Date.now() + lifeMs;
    const { name, role, scope: scopes, address: addresses, description } = options;
    const { key, record } = await keys.create(name, role, { expiresAt, scopes, addresses, description });
    audit.write(keyCreated(record, localUser([])));
    const known = new Set(access.map(({ role }) => role));
    const powerless = role.filter((role) => !known.has(role));
    for (const role of powerless)
      terminal.note(terminal.paint.yellow(`No rule of access names the role ${role}: it may use nothing yet.`));
    // The key alone on stdout, so that it can go into a file.
    terminal.result({ ...shownKey(record), key }, () => key);
    const until = record.expiresAt === undefined ? '' : `, until ${new Date(record.expiresAt).toISOString()}`;
    terminal.note(terminal.paint.dim(`Key ${record.id} for ${record.name}${until}. It is not shown again.`));
    return exitCodes.ok;
  });
}
