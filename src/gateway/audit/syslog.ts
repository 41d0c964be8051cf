import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect as connectTcp, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { fail } from '#kernel/errors/index.js';
import type { ChainedRecord } from './chain.js';
import type { Sink } from './forwarder.js';

export interface SyslogOptions {
  /** `udp://host:514`, `tcp://host:601` or `tls://host:6514`. */
  readonly url: string;
  /** RFC 5424, table 1; 13 is "log audit". */
  readonly facility: number;
  /** Certificates of authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
}

const defaultPorts: Readonly<Record<string, number>> = { 'udp:': 514, 'tcp:': 601, 'tls:': 6514 };
const connectMs = 5_000;
const severity = { notice: 5, warning: 4, info: 6 };

/**
 * Sends each record as one message of RFC 5424: over UDP one datagram each (RFC 5426), over TCP and TLS with its length
 * in front (RFC 6587, 3.4.1; RFC 5425). Syslog confirms nothing: what was on its way when a connection broke is lost.
 * @throws SW_CONFIG_INVALID
 */
export function syslogSink(options: SyslogOptions): Sink {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (!url || !(url.protocol in defaultPorts) || url.hostname === '')
    throw fail('SW_CONFIG_INVALID', { reason: 'audit.syslog.url must be udp://, tcp:// or tls:// and a host' });
  const target = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (defaultPorts[url.protocol] as number) : Number(url.port),
  };
  const line = (record: ChainedRecord) => syslogMessage(record, options.facility);
  const connection =
    url.protocol === 'udp:' ? new Datagrams(target) : new Stream(target, url.protocol === 'tls:', options.ca);
  return {
    name: 'syslog',
    maxBatch: 100,
    send: (records) => connection.send(records.map(line)),
    close: () => connection.close(),
  };
}

interface Target {
  readonly host: string;
  readonly port: number;
}

const self = hostname().replace(/[^\x21-\x7e]/g, '') || '-';

/** `<priority>1 time host app pid id - record`; the record is JSON, which is UTF-8. */
function syslogMessage({ text, time }: ChainedRecord, facility: number): Buffer {
  const { kind, outcome } = JSON.parse(text) as { kind: string; outcome?: string };
  const level = outcome === 'refused' ? severity.warning : outcome === 'error' ? severity.notice : severity.info;
  const head = `<${facility * 8 + level}>1 ${new Date(time).toISOString()} ${self} seaworthy ${process.pid} ${kind} - `;
  return Buffer.from(head + text);
}

/** One datagram a record. */
class Datagrams {
  readonly #target: Target;
  #socket: UdpSocket | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const socket = (this.#socket ??= this.#open());
    for (const message of messages)
      await new Promise<void>((resolve, reject) => {
        socket.send(message, this.#target.port, this.#target.host, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(resolve));
  }

  #open(): UdpSocket {
    const socket = createSocket({ type: this.#target.host.includes(':') ? 'udp6' : 'udp4' });
    // What a router answers later belongs to no record; a datagram that cannot be sent is reported to its sender.
    socket.on('error', () => void this.close());
    return socket.unref();
  }
}

/** One connection, opened when it is needed and again after it broke. */
class Stream {
  readonly #target: Target;
  readonly #secure: boolean;
  readonly #ca: string | undefined;
  #socket: Socket | undefined;

  constructor(target: Target, secure: boolean, ca: string | undefined) {
    this.#target = target;
    this.#secure = secure;
    this.#ca = ca;
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const socket = this.#socket ?? (await this.#open());
    this.#socket = socket;
    const framed = Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message]));
    await new Promise<void>((resolve, reject) => {
      socket.write(framed, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && !socket.destroyed) await new Promise<void>((resolve) => socket.end(resolve));
  }

  #open(): Promise<Socket> {
    const { host, port } = this.#target;
    return new Promise((resolve, reject) => {
      const connected = () => {
        socket.setTimeout(0);
        resolve(socket.unref());
      };
      const socket = this.#secure
        ? connectTls({ host, port, ...(this.#ca === undefined ? {} : { ca: this.#ca }) }, connected)
        : connectTcp({ host, port }, connected);
      socket.setTimeout(connectMs, () => socket.destroy(new RangeError(`no connection within ${connectMs} ms`)));
      socket.once('error', reject);
      // A server that ends the connection, or loses it: the next record opens another.
      socket.on('error', () => (this.#socket = undefined));
      socket.on('close', () => (this.#socket = undefined));
      socket.resume();
    });
  }
}
