import { reasonOf } from '#kernel/errors/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { KeyAuthenticator, KeyStore } from '#gateway/auth/index.js';

/** How soon a key that another process made or revoked is seen, milliseconds. */
const lookMs = 1000;

/** How often it is kept which keys were used, milliseconds. */
const usesMs = 60_000;

/**
 * Reads the keys into the authenticator, and again whenever the database was changed by somebody else. While the
 * database is away the last known keys stay in force, for as long as the authenticator believes them. A change of
 * this process is in force when it has been made.
 */
export async function watchKeys(
  keys: KeyStore,
  storage: Storage,
  authenticator: KeyAuthenticator,
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  let seen: number | null = null;
  let looking = false;
  const read = async () => {
    authenticator.replace(await keys.list());
  };
  const look = async () => {
    const counter = await storage.changeCounter();
    if (counter !== null && counter === seen) {
      authenticator.confirm();
      return;
    }
    await read();
    seen = counter;
  };
  await look();
  // The database does not tell a process of its own changes.
  keys.onChange(read);
  const looks = setInterval(() => {
    authenticator.expire();
    // A database that hangs is asked once.
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => {
        logger.warn({ reason: reasonOf(error) }, 'the keys could not be read again; the last known ones stay in force');
      })
      .finally(() => {
        looking = false;
      });
  }, lookMs).unref();
  const keepUses = async () => {
    const uses = authenticator.takeUses();
    if (uses.size === 0) return;
    await keys.markUsed(uses).catch((error: unknown) => {
      logger.warn({ reason: reasonOf(error), keys: uses.size }, 'the last use of keys could not be kept');
    });
  };
  const uses = setInterval(() => void keepUses(), usesMs).unref();
  return {
    async stop() {
      clearInterval(looks);
      clearInterval(uses);
      await keepUses();
    },
  };
}
