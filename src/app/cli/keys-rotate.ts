import { localUser } from '#gateway/auth/index.js';
import { keyRotated } from '../audit.js';
import { shownKey } from '../shown-key.js';
import { durationMs } from './duration.js';
import { exitCodes } from './failure.js';
import { withKeyChanges } from './keys.js';
import type { Terminal } from './terminal.js';

interface RotateOptions {
  readonly config?: string;
  readonly overlap: string;
}

export async function action(terminal: Terminal, options: RotateOptions, id: string): Promise<number> {
  const overlapMs = options.overlap === '0' ? 0 : durationMs('--overlap', options.overlap);
  const { key, record } = await withKeyChanges(options.config, async (keys, audit) => {
    const rotated = await keys.rotate(id, overlapMs);
    audit.write(keyRotated(rotated.record, overlapMs, localUser([])));
    return rotated;
  });
  // The key alone on stdout, so that it can go into a file.
  terminal.result({ ...shownKey(record), key }, () => key);
  const until = record.previous && new Date(record.previous.until).toISOString();
  const old = until === undefined ? 'The old one has ended.' : `The old one works until ${until}.`;
  terminal.note(terminal.paint.dim(`Key ${id} has this new secret. It is not shown again. ${old}`));
  return exitCodes.ok;
}
