import type { DuplexPeer } from '#protocol/client/index.js';
import type { LegacyLink } from './legacy-session.js';

/** A two-way connection as the ground of a legacy session: it is the session, so nothing has to be watched. */
export const duplexLink = (peer: DuplexPeer, close: () => Promise<void>): LegacyLink => ({
  get inFlight() {
    return peer.inFlight;
  },
  request: async (call) => ({ kind: 'result', result: await peer.request(call) }),
  notified: (method, params) => {
    peer.notify(method, params);
    return Promise.resolve();
  },
  speak: () => {},
  watch: () => {},
  close,
});
