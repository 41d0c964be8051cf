import type { Socket } from 'node:net';
import { addressSet, plainAddress } from '#kernel/http/index.js';

export interface ConnectionLimits {
  /** Connections in all. */
  readonly maxConnections: number;
  /** Connections from one address. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses that bring many clients: only the limit in all holds for them. */
  readonly exempt: readonly string[];
  /** Told of every change. */
  readonly onOpen?: (open: number) => void;
}

/** Which limit a connection went over. */
export type ConnectionRefusal = 'all' | 'address';

/** Counts the connections of one listener. @returns takes a new one in, or says which limit it is over */
export function connectionCount(limits: ConnectionLimits): (socket: Socket) => ConnectionRefusal | undefined {
  const exempt = addressSet(limits.exempt);
  const byAddress = new Map<string, number>();
  let open = 0;
  const change = (by: number) => {
    open += by;
    limits.onOpen?.(open);
  };
  return (socket) => {
    if (open >= limits.maxConnections) return 'all';
    const text = socket.remoteAddress ?? '';
    const address = plainAddress(text) ?? text;
    if (!exempt.has(address)) {
      const count = byAddress.get(address) ?? 0;
      if (count >= limits.maxConnectionsPerAddress) return 'address';
      byAddress.set(address, count + 1);
      socket.once('close', () => {
        const left = (byAddress.get(address) ?? 1) - 1;
        if (left > 0) byAddress.set(address, left);
        else byAddress.delete(address);
      });
    }
    change(1);
    socket.once('close', () => change(-1));
    return undefined;
  };
}
