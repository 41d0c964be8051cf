import { DuplexPeer, type ServerFacts } from '#protocol/client/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, ModelNotification } from '#protocol/model/index.js';
import { legacy, modern } from '#protocol/revisions/index.js';
import { childEnvironment } from './child-environment.js';
import { ChildProcess } from './child-process.js';
import type { StdioUpstreamConfig, UpstreamContext } from './config.js';
import { duplexLink } from './duplex-link.js';
import { LegacySession } from './legacy-session.js';
import { assumedFacts } from './modern-facts.js';
import { within } from './own-request.js';

/** One child process and the peer at its pipes. */
export class StdioConnection {
  readonly peer: DuplexPeer;
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #context: UpstreamContext;
  #endReason: string | undefined;
  /** Called once, when the process has ended. */
  onEnd: () => void = () => {};

  constructor(
    config: StdioUpstreamConfig,
    context: UpstreamContext,
    onNotification: (notification: ModelNotification) => void,
  ) {
    const { clock, environment, faults, logger, maxLineBytes, maxResultBytes } = context;
    this.#context = context;
    this.startedAt = clock.monotonic();
    this.peer = new DuplexPeer({
      wire: { send: (text) => this.#child.send(text) },
      faults,
      maxResultBytes,
      unattributed: onNotification,
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
      onExit: (reason) => {
        this.#endReason = reason;
        this.peer.close(faults.lost(reason));
        this.onEnd();
      },
    });
  }

  /** Why the process ended; undefined while it runs. */
  get endReason(): string | undefined {
    return this.#endReason;
  }
  get lastStderr(): readonly string[] {
    return this.#child.lastStderr;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  /** Facts of a modern server; `legacy` for any other answer, for silence and for a process that ends on it. */
  async discover(client: ClientFacts, silenceMs: number): Promise<ServerFacts | 'legacy'> {
    const request = modern.encodeModern({ method: 'server/discover', params: {} }, client);
    try {
      const result = await within(this.#context, silenceMs, (scope) => this.peer.request({ request, scope }));
      return modern.readDiscover(result) ?? 'legacy';
    } catch (thrown) {
      if (!(thrown instanceof PeerError)) return 'legacy';
      return modern.isModernError(thrown) && !modern.lacksOurRevision(thrown) ? assumedFacts : 'legacy';
    }
  }

  /** The one legacy session of this process, for all callers. */
  initialize(): Promise<LegacySession> {
    const { self, faults, connectTimeoutMs } = this.#context;
    const owner = { key: 'shared', sessionKey: undefined, info: self, capabilities: legacy.everyClientCapability };
    const link = duplexLink(this.peer, () => void this.stop());
    return within(this.#context, connectTimeoutMs, (scope) => LegacySession.open(link, owner, faults, scope));
  }
}
