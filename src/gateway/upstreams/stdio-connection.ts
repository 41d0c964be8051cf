import { DuplexPeer, type QuestionOutcome, type ServerFacts } from '#protocol/client/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, ModelNotification, SessionRef } from '#protocol/model/index.js';
import { legacy, modern } from '#protocol/revisions/index.js';
import { childEnvironment } from './child-environment.js';
import { ChildProcess } from './child-process.js';
import type { StdioUpstreamConfig, UpstreamContext } from './config.js';
import { duplexLink } from './duplex-link.js';
import { LegacySession } from './legacy-session.js';
import { assumedFacts } from './modern-facts.js';
import { within } from './own-request.js';

/** Milliseconds of silence after which a server that was asked in the modern family is asked in the legacy one. */
const probeSilenceMs = 2_000;

export interface StdioConnectionOptions {
  readonly config: StdioUpstreamConfig;
  readonly context: UpstreamContext;
  readonly onNotification: (notification: ModelNotification) => void;
  readonly onQuestion: (outcome: QuestionOutcome) => void;
  /** Who is asked what belongs to no call, where the child is one client's. */
  readonly ask?: SessionRef['ask'];
  /** Called once, when no process is left: later than `onEnd` where we have given it up before. */
  readonly onExit: () => void;
}

/** One child process and the peer at its pipes. */
export class StdioConnection {
  readonly peer: DuplexPeer;
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #context: UpstreamContext;
  #endReason: string | undefined;
  #initialized = false;
  /** Called once, when the process has ended. */
  onEnd: () => void = () => {};

  constructor({ config, context, onNotification, onQuestion, ask, onExit }: StdioConnectionOptions) {
    const { clock, environment, faults, logger, maxLineBytes, maxResultBytes, metrics, id } = context;
    this.#context = context;
    this.startedAt = clock.monotonic();
    this.peer = new DuplexPeer({
      wire: {
        send: (text, onError) => {
          if (!this.#child.send(text)) onError?.(faults.unavailable('it does not read its input'));
        },
      },
      faults,
      clock,
      maxResultBytes,
      unattributed: onNotification,
      onQuestion,
      ask,
      onGarbage: (reason) => logger.debug({ reason }, 'the upstream wrote something that is no message'),
    });
    this.#child = new ChildProcess({
      command: config.command,
      args: config.args ?? [],
      cwd: config.cwd,
      environment: childEnvironment(environment, config.env),
      maxLineBytes,
      logger,
      clock,
      onLine: (line) => this.peer.receive(line),
      onLongLine: (line) => this.peer.receiveLongLine(line),
      secrets: config.secrets ?? [],
      onStderrDropped: (lines) => metrics?.children.stderrDropped.inc({ provider: id }, lines),
      onExit: (reason) => {
        this.#end(reason);
        onExit();
      },
    });
  }

  /** Its id, which is that of its group too; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Why the process ended; undefined while it runs. */
  get endReason(): string | undefined {
    return this.#endReason;
  }
  /** True once `initialize` was sent: a dual-family server is then bound to the legacy family on this pipe. */
  get initialized(): boolean {
    return this.#initialized;
  }
  get lastStderr(): readonly string[] {
    return this.#child.lastStderr;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  /** Gives it up: its calls are lost for the reason given, and it is stopped. */
  abandon(reason: string): void {
    this.#end(reason);
    void this.stop();
  }

  #end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.peer.close(this.#context.faults.lost(reason));
    this.onEnd();
  }

  /** Facts of a modern server; `legacy` for any other answer, for silence and for a process that ends on it. */
  async discover(client: ClientFacts): Promise<ServerFacts | 'legacy'> {
    const request = modern.encodeModern({ method: 'server/discover', params: {} }, client);
    try {
      const { connectTimeoutMs } = this.#context;
      const result = await within(this.#context, connectTimeoutMs, (scope) => this.peer.request({ request, scope }));
      return modern.readDiscover(result) ?? 'legacy';
    } catch (thrown) {
      if (!(thrown instanceof PeerError)) return 'legacy';
      return modern.isModernError(thrown) && !modern.lacksOurRevision(thrown) ? assumedFacts : 'legacy';
    }
  }

  /**
   * Finds out which family the process speaks. After some silence it is asked in the legacy family too; a slow start
   * looks the same, so whichever question is answered first decides. Undefined: it survived neither.
   */
  async probe(client: ClientFacts): Promise<ServerFacts | LegacySession | undefined> {
    const discovering = this.discover(client);
    const first = await Promise.race([discovering, this.#silence()]);
    if (first !== 'legacy' && first !== 'silent') return first;
    if (this.#endReason !== undefined) return undefined;
    const initializing = this.initialize().catch(() => undefined);
    const discovered = async () => factsOrNothing(await discovering) ?? (await initializing);
    const initialized = async () => (await initializing) ?? factsOrNothing(await discovering);
    return Promise.race([discovered(), initialized()]);
  }

  /** The one legacy session of this process, for all callers. */
  initialize(): Promise<LegacySession> {
    this.#initialized = true;
    const owner = { ...sharedOwner, info: this.#context.self };
    return LegacySession.open(
      duplexLink(this.peer, () => this.stop()),
      owner,
      this.#context,
    );
  }

  #silence = (): Promise<'silent'> =>
    new Promise((resolve) => this.#context.clock.after(probeSilenceMs, () => resolve('silent'), { unref: true }));
}

const factsOrNothing = (facts: ServerFacts | 'legacy'): ServerFacts | undefined =>
  facts === 'legacy' ? undefined : facts;

const sharedOwner = { key: 'shared', sessionKey: undefined, capabilities: legacy.everyClientCapability };
