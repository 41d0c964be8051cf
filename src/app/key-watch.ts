import { reasonOf } from '#kernel/errors/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { KeyAuthenticator, KeyStore } from '#gateway/auth/index.js';

/** How soon a key that another process made or revoked is seen, milliseconds. */
const lookMs = 1000;

/**
 * Reads the keys into the authenticator, and again whenever the database was changed by somebody else. While the
 * database is away the last known keys stay in force. A change of this process is in force when it has been made.
 */
export async function watchKeys(
  keys: KeyStore,
  storage: Storage,
  authenticator: KeyAuthenticator,
  logger: Logger,
): Promise<{ stop(): void }> {
  let seen: number | null = null;
  const read = async () => {
    authenticator.replace(await keys.list());
  };
  const look = async () => {
    const counter = await storage.changeCounter();
    if (counter !== null && counter === seen) return;
    await read();
    seen = counter;
  };
  await look();
  // The database does not tell a process of its own changes.
  keys.onChange(read);
  const timer = setInterval(() => {
    look().catch((error: unknown) => {
      logger.warn({ reason: reasonOf(error) }, 'the keys could not be read again; the last known ones stay in force');
    });
  }, lookMs).unref();
  return { stop: () => clearInterval(timer) };
}
