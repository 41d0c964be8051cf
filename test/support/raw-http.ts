import { connect } from 'node:net';

/** Sends bytes as they are over a connection of its own and returns what comes until the other side closes it. */
export function rawHttp(url: string, bytes: string, from = '127.0.0.1'): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port), localAddress: from });
    socket.setTimeout(10_000, () => socket.destroy(new RangeError('the connection stays open')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A refusal may reset the connection after its answer.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

/** Status codes of all answers in what `rawHttp` returned. */
export const statusesOf = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
