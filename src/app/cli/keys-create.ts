import { fail } from '#kernel/errors/index.js';
import { exitCodes } from './failure.js';
import { localUser } from '#gateway/auth/index.js';
import { keyCreated } from '../audit.js';
import { shownKey, withKeyChanges } from './keys.js';
import type { Terminal } from './terminal.js';

interface CreateOptions {
  readonly config?: string;
  readonly name: string;
  readonly role: readonly string[];
  readonly expires?: string;
}

export async function action(terminal: Terminal, options: CreateOptions): Promise<number> {
  const lifeMs = options.expires === undefined ? undefined : durationMs(options.expires);
  return withKeyChanges(options.config, async (keys, audit, { access }) => {
    const expiresAt = lifeMs === undefined ? undefined : Date.now() + lifeMs;
    const { key, record } = await keys.create(options.name, options.role, expiresAt);
    audit.write(keyCreated(record, localUser([])));
    const known = new Set(access.map(({ role }) => role));
    const powerless = options.role.filter((role) => !known.has(role));
    for (const role of powerless)
      terminal.note(terminal.paint.yellow(`No rule of access names the role ${role}: it may use nothing yet.`));
    // The key alone on stdout, so that it can go into a file.
    terminal.result({ ...shownKey(record), key }, () => key);
    const until = record.expiresAt === undefined ? '' : `, until ${new Date(record.expiresAt).toISOString()}`;
    terminal.note(terminal.paint.dim(`Key ${record.id} for ${record.name}${until}. It is not shown again.`));
    return exitCodes.ok;
  });
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m`, `12h`, `30d`, `52w`. @throws SW_USAGE */
function durationMs(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw fail('SW_USAGE', { reason: `--expires takes a number and m, h, d or w, such as 30d, not "${text}".` });
  return Number(count) * (unitMs[unit] as number);
}
