import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The certificate of a client, verified by TLS against the configured authorities. */
export interface ClientCertificate {
  /** SHA-256 over the certificate, lower-case hexadecimal without colons. */
  readonly fingerprint: string;
  /** Distinguished name as RFC 4514 text. */
  readonly subject: string;
  /** Subject alternative names, such as `DNS:agent.example.com` and `URI:spiffe://example.com/agent`. */
  readonly alternativeNames: readonly string[];
}

/** Read once per connection: decoding one costs more than the rest of a request's head. */
const known = new WeakMap<Socket, ClientCertificate>();

/** The certificate of the other end; undefined where there is none, or TLS has not verified it. */
export function clientCertificate(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const before = known.get(socket);
  if (before) return before;
  const peer = socket.getPeerX509Certificate();
  if (!peer) return undefined;
  const certificate: ClientCertificate = {
    fingerprint: peer.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: subjectOf(peer),
    alternativeNames: alternativeNamesOf(peer.subjectAltName ?? ''),
  };
  known.set(socket, certificate);
  return certificate;
}

/** Node has one escaped attribute a line, in the order of the encoding; RFC 4514 has them from last to first. */
const subjectOf = ({ subject }: X509Certificate): string => subject.split('\n').reverse().join(',');

/** `DNS:a, URI:"b, c"`: Node writes a value that could be misread as a JSON string. */
const alternativeNamesOf = (text: string): string[] =>
  [...text.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind = '', value = '']) =>
    value.startsWith('"') ? `${kind}:${String(JSON.parse(value))}` : `${kind}:${value}`,
  );
