import { backoff, type Backoff } from '#kernel/time/index.js';
import type { LogLevel } from '#protocol/model/index.js';
import type { UpstreamContext } from './config.js';
import type { LegacySession } from './legacy-session.js';
import type { SessionOwner } from './session-owner.js';

interface Interests {
  readonly owner: SessionOwner;
  readonly uris: Map<string, number>;
  readonly backoff: Backoff;
  clients: number;
  level: LogLevel | undefined;
  session: LegacySession | undefined;
}

/** Resource subscriptions, log levels and open streams on legacy sessions; made anew when a session is. */
export class LegacyInterests {
  readonly #context: UpstreamContext;
  readonly #connect: (owner: SessionOwner) => Promise<LegacySession | undefined>;
  readonly #byOwner = new Map<string, Interests>();
  #stopped = false;

  constructor(context: UpstreamContext, connect: (owner: SessionOwner) => Promise<LegacySession | undefined>) {
    this.#context = context;
    this.#connect = connect;
  }

  /** Adds one client's interests; resolves with the URIs that the server accepted. */
  async add(owner: SessionOwner, uris: readonly string[], level: LogLevel | undefined): Promise<readonly string[]> {
    const interests = this.#of(owner);
    interests.clients++;
    interests.level = level ?? interests.level;
    const fresh = uris.filter((uri) => !interests.uris.has(uri));
    for (const uri of uris) interests.uris.set(uri, (interests.uris.get(uri) ?? 0) + 1);
    const session = await this.#attach(interests).catch((thrown: unknown) => {
      this.remove(owner, uris);
      throw thrown;
    });
    if (!session) return [];
    const taken = await Promise.all(fresh.map(async (uri) => ((await session.subscribe(uri)) ? undefined : uri)));
    return uris.filter((uri) => !taken.includes(uri));
  }

  /** Takes one client's interests back. */
  remove(owner: SessionOwner, uris: readonly string[]): void {
    const interests = this.#byOwner.get(owner.key);
    if (!interests) return;
    for (const uri of uris) {
      const count = (interests.uris.get(uri) ?? 1) - 1;
      if (count > 0) interests.uris.set(uri, count);
      else if (interests.uris.delete(uri) && interests.session?.closed === false)
        void interests.session.unsubscribe(uri);
    }
    if (--interests.clients > 0) return;
    this.#byOwner.delete(owner.key);
    if (interests.session) interests.session.pins--;
  }

  /** A session has ended: subscriptions, and the stream of the listing session, are made again, later. */
  lost(matches: (owner: SessionOwner) => boolean, onRestored: () => void): void {
    for (const interests of this.#detach(matches))
      if (interests.uris.size > 0 || interests.owner.key === 'own') this.#restoreLater(interests, onRestored);
  }

  /** A session was ended because nothing needed it: what a client wants beside subscriptions waits for the next one. */
  detached(matches: (owner: SessionOwner) => boolean): void {
    this.#detach(matches);
  }

  /** A session was opened, for a call perhaps: what was waiting for one is put on it. */
  renewed(matches: (owner: SessionOwner) => boolean): void {
    for (const interests of this.#byOwner.values())
      if (!interests.session && interests.uris.size === 0 && matches(interests.owner))
        this.#attach(interests).catch((thrown: unknown) =>
          this.#context.logger.debug({ err: thrown }, 'an open stream has no upstream session for now'),
        );
  }

  #detach(matches: (owner: SessionOwner) => boolean): Interests[] {
    const concerned = [...this.#byOwner.values()].filter(({ owner }) => matches(owner));
    for (const interests of concerned) interests.session = undefined;
    return concerned;
  }

  stop(): void {
    this.#stopped = true;
    this.#byOwner.clear();
  }

  #of(owner: SessionOwner): Interests {
    let interests = this.#byOwner.get(owner.key);
    if (!interests) {
      const delays = backoff({ minMs: 1_000, maxMs: 60_000, resetAfterMs: 10_000 }, this.#context.clock);
      interests = { owner, uris: new Map(), backoff: delays, clients: 0, level: undefined, session: undefined };
      this.#byOwner.set(owner.key, interests);
    }
    return interests;
  }

  async #attach(interests: Interests): Promise<LegacySession | undefined> {
    const session = await this.#connect(interests.owner);
    if (!session || this.#byOwner.get(interests.owner.key) !== interests) return undefined;
    if (interests.session !== session) {
      interests.session = session;
      session.pins++;
      session.watch();
    }
    await session.setLevel(interests.level);
    return session;
  }

  #restoreLater(interests: Interests, onRestored: () => void): void {
    const again = () => this.#restoreLater(interests, onRestored);
    this.#context.clock.after(
      interests.backoff.next(),
      () => {
        if (this.#stopped || this.#byOwner.get(interests.owner.key) !== interests) return;
        void this.#attach(interests).then(async (session) => {
          if (!session) return;
          interests.backoff.succeeded();
          await Promise.all([...interests.uris.keys()].map(session.subscribe));
          onRestored();
        }, again);
      },
      { unref: true },
    );
  }
}
