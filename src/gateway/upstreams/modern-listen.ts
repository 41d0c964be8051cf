import type { CallScope } from '#kernel/context/index.js';
import { backoff } from '#kernel/time/index.js';
import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import {
  extension,
  hasExtension,
  meta,
  withExtension,
  type ClientFacts,
  type JsonObject,
  type ModelNotification,
} from '#protocol/model/index.js';
import { modern } from '#protocol/revisions/index.js';
import type { UpstreamContext } from './config.js';
import type { ModernConnection } from './dialer.js';
import { ownScope } from './own-request.js';

interface Stream {
  readonly scope: CallScope;
  /** URIs and task ids that the server accepted. */
  readonly acknowledged: ReadonlySet<string>;
}

export interface ModernListenOptions {
  readonly context: UpstreamContext;
  readonly client: ClientFacts;
  readonly connect: () => Promise<ModernConnection | undefined>;
  readonly onNotification: (notification: ModelNotification) => void;
  /** A stream was lost and is open again: changes in between have been missed. */
  readonly onReopened: () => void;
}

/**
 * The one `subscriptions/listen` stream toward a modern server, for all clients together. When the set of URIs
 * and tasks changes a new stream is opened before the old one is closed.
 */
export class ModernListen {
  readonly #options: ModernListenOptions;
  readonly #uris = new Wanted();
  readonly #tasks = new Wanted();
  readonly #backoff;
  #current: Stream | undefined;
  #working: Promise<void> | undefined;
  #dirty = false;
  #stopped = false;
  #wanted = false;
  #unsupported = false;

  constructor(options: ModernListenOptions) {
    this.#options = options;
    this.#backoff = backoff({ minMs: 1_000, maxMs: 60_000, resetAfterMs: 10_000 }, options.context.clock);
  }

  /** Keeps a stream open from now on, for the lists at least. */
  start(): void {
    if (this.#wanted || this.#stopped) return;
    this.#wanted = true;
    void this.#sync();
  }

  /** Adds URIs and tasks; resolves with those that the server accepted. */
  async add(uris: readonly string[], tasks: readonly string[] = []): Promise<readonly string[]> {
    this.#uris.add(uris);
    this.#tasks.add(tasks);
    this.#wanted = true;
    const names = [...uris, ...tasks];
    if (names.some((name) => !this.#current?.acknowledged.has(name))) await this.#sync();
    return names.filter((name) => this.#current?.acknowledged.has(name));
  }

  remove(uris: readonly string[], tasks: readonly string[] = []): void {
    const goneUris = this.#uris.remove(uris);
    const goneTasks = this.#tasks.remove(tasks);
    if (goneUris || goneTasks) void this.#sync();
  }

  stop(): void {
    this.#stopped = true;
    this.#close(this.#current);
    this.#current = undefined;
  }

  /** Brings the open stream in line with what is wanted; one at a time, the last wish wins. */
  #sync(): Promise<void> {
    if (this.#stopped || this.#unsupported) return Promise.resolve();
    this.#dirty = true;
    this.#working ??= this.#work();
    return this.#working;
  }

  async #work(): Promise<void> {
    try {
      await this.#follow();
    } finally {
      this.#working = undefined;
    }
  }

  async #follow(): Promise<void> {
    while (this.#dirty && !this.#stopped && !this.#unsupported) {
      this.#dirty = false;
      const connection = await this.#options.connect().catch(() => undefined);
      if (!connection) {
        this.#retryLater();
        return;
      }
      const filter = this.#filter(connection.facts.capabilities);
      const before = this.#current;
      const stream = Object.keys(filter).length > 0 ? await this.#open(connection, filter) : undefined;
      if (stream === 'failed') {
        this.#retryLater();
        return;
      }
      this.#current = stream;
      this.#close(before);
    }
  }

  #filter(capabilities: JsonObject): JsonObject {
    const offers = (list: string, member: string): boolean =>
      isObject(capabilities[list]) && capabilities[list][member] === true;
    const filter: JsonObject = {};
    if (offers('tools', 'listChanged')) filter['toolsListChanged'] = true;
    if (offers('prompts', 'listChanged')) filter['promptsListChanged'] = true;
    if (offers('resources', 'listChanged')) filter['resourcesListChanged'] = true;
    if (this.#uris.size > 0 && offers('resources', 'subscribe')) filter['resourceSubscriptions'] = this.#uris.names;
    if (this.#tasks.size > 0 && hasExtension(capabilities, extension.tasks)) filter['taskIds'] = this.#tasks.names;
    return filter;
  }

  /** Opens a stream and waits for its acknowledgement. */
  #open(connection: ModernConnection, notifications: JsonObject): Promise<Stream | 'failed'> {
    const { client, context, onNotification } = this.#options;
    // The extension is declared where it is used: other servers see what they always saw.
    const capabilities = 'taskIds' in notifications ? withExtension(client.capabilities, extension.tasks) : undefined;
    const listener = capabilities ? { ...client, capabilities } : client;
    const request = modern.encodeModern({ method: 'subscriptions/listen', params: { notifications } }, listener);
    const scope = ownScope();
    return new Promise((resolve) => {
      let stream: Stream | undefined;
      const timer = context.clock.after(context.connectTimeoutMs, () => {
        scope.cancel('deadline');
        resolve('failed');
      });
      const notify = (notification: ModelNotification): void => {
        if (notification.method !== 'notifications/subscriptions/acknowledged') {
          if (this.#current === stream || !this.#current) onNotification(plain(notification));
          return;
        }
        timer.cancel();
        this.#backoff.succeeded();
        stream = { scope, acknowledged: new Set(namesOf(notification.params)) };
        resolve(stream);
      };
      const ended = (thrown?: unknown): void => {
        timer.cancel();
        if (thrown instanceof PeerError && thrown.error.code === -32601) this.#unsupported = true;
        resolve('failed');
        if (stream && stream === this.#current) {
          this.#current = undefined;
          this.#retryLater();
        }
      };
      const headers = connection.mirrorsHeaders ? modern.modernHeaders(request) : undefined;
      connection.peer.request({ request, scope, channel: { notify }, headers }).then(() => ended(), ended);
    });
  }

  #retryLater(): void {
    if (this.#stopped || this.#unsupported) return;
    this.#options.context.clock.after(
      this.#backoff.next(),
      () => {
        if (this.#stopped || this.#current) return;
        void this.#sync().then(() => {
          if (this.#current) this.#options.onReopened();
        });
      },
      { unref: true },
    );
  }

  #close = (stream: Stream | undefined): void => stream?.scope.cancel('client');
}

/** Names that clients want, counted: the last one to lose interest takes the name away. */
class Wanted {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }
  get names(): string[] {
    return [...this.#counts.keys()];
  }

  add(names: readonly string[]): void {
    for (const name of names) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** True where a name is not wanted by anybody any more. */
  remove(names: readonly string[]): boolean {
    let gone = false;
    for (const name of names) {
      const count = (this.#counts.get(name) ?? 1) - 1;
      if (count > 0) this.#counts.set(name, count);
      else gone = this.#counts.delete(name) || gone;
    }
    return gone;
  }
}

/** What an acknowledgement accepts by name. */
function namesOf(params: JsonObject): string[] {
  const filter = params['notifications'];
  const lists = isObject(filter) ? [filter['resourceSubscriptions'], filter['taskIds']] : [];
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []));
}

/** Without the id of our stream, which means nothing further on. */
function plain({ method, params }: ModelNotification): ModelNotification {
  if (!isObject(params['_meta'])) return { method, params };
  const { [meta.subscriptionId]: _id, ...rest } = params['_meta'];
  const { _meta, ...others } = params;
  return { method, params: Object.keys(rest).length > 0 ? { ...others, _meta: rest } : others };
}
