import { reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import { DuplexPeer, type DuplexPeerOptions } from './duplex-peer.js';
import { refusal } from './http-call.js';
import type { HttpAnswer, HttpEndpoint } from './http-endpoint.js';

export interface SseConnectionOptions extends Omit<DuplexPeerOptions, 'wire'> {
  readonly endpoint: HttpEndpoint;
  /** Milliseconds until the server must have named the address for messages. */
  readonly connectTimeoutMs: number;
  readonly onClose: (error: SeaworthyError) => void;
}

/** HTTP+SSE (revision 2024-11-05): one GET stream brings everything, messages go to the address that it names. */
export interface SseConnection {
  readonly peer: DuplexPeer;
  close(): void;
}

/** Opens the stream and waits for its `endpoint` event. @throws SW_UPSTREAM_*, PeerError */
export function openSseConnection(options: SseConnectionOptions): Promise<SseConnection> {
  const { endpoint, connectTimeoutMs, faults } = options;
  return new Promise((resolve, reject) => {
    let post: string | undefined;
    let closed = false;
    let abort: () => void = () => {};
    const peer = new DuplexPeer({
      ...options,
      wire: { send: (text, onError) => sendMessage(endpoint, post ?? '', text, onError) },
    });
    const timer = endpoint.clock.after(connectTimeoutMs, () => end(faults.unavailable('no endpoint event in time')));
    const end = (error: SeaworthyError) => {
      if (closed) return;
      closed = true;
      timer.cancel();
      abort();
      reject(error);
      peer.close(error);
      if (post !== undefined) options.onClose(error);
    };
    const ended = (answer: HttpAnswer) => {
      const error = answer.status >= 300 ? refusal(answer, endpoint) : faults.lost('the stream ended');
      end(error.name === 'PeerError' ? faults.protocol(error.message) : error);
    };
    abort = endpoint.get([], {
      event: ({ event, data }) => {
        if (event === 'message') return peer.receive(data);
        if (event !== 'endpoint' || post !== undefined) return;
        const address = messageAddress(endpoint.url, data.toString('utf8'));
        if (address === undefined) return end(faults.protocol('the endpoint event names another origin'));
        timer.cancel();
        post = address;
        resolve({ peer, close: () => end(faults.lost('closed')) });
      },
      end: ended,
      failed: end,
    });
  });
}

/** Path and query of the address for messages; undefined when it leads elsewhere (our credentials must not). */
function messageAddress(base: URL, text: string): string | undefined {
  let address: URL;
  try {
    address = new URL(text.trim(), base);
  } catch {
    // An address that is none is treated as one that leads elsewhere.
    return undefined;
  }
  return address.origin === base.origin ? address.pathname + address.search : undefined;
}

function sendMessage(
  endpoint: HttpEndpoint,
  path: string,
  text: string,
  onError: (error: SeaworthyError) => void = () => {},
): void {
  endpoint.post(
    text,
    [],
    {
      event: () => {},
      end: (answer) => {
        if (answer.status < 300) return;
        const error = refusal(answer, endpoint);
        onError(error.name === 'PeerError' ? endpoint.faults.protocol(reasonOf(error)) : error);
      },
      failed: (error) => onError(error),
    },
    'call',
    path,
  );
}
