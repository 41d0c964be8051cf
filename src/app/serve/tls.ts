import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import { watchFile, type FileWatch } from '#kernel/config/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import type { Config } from '../config.js';
import type { HealthReport } from '../health.js';

type TlsConfig = NonNullable<Config['server']['tls']>;
type ComponentHealth = HealthReport['components'][string];

/** The certificate of a listener, kept up to date. */
export interface Tls {
  readonly options: TlsOptions;
  /** Takes over changed files from now on; connections that are open go on with what they have. */
  watch(server: Server): Promise<void>;
  health(): ComponentHealth;
  close(): Promise<void>;
}

interface Material {
  readonly context: SecureContextOptions;
  readonly expiresAt: number;
}

const day = 24 * 60 * 60 * 1000;
/** A certificate that is renewed in time never gets this close to its end. */
const warnBeforeMs = 14 * day;
/** Time for a handshake, milliseconds. */
const handshakeTimeoutMs = 10_000;

export interface TlsParts {
  /** Relative paths are read from here. */
  readonly baseDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Reads certificate and key. @throws SW_TLS_INVALID */
export async function openTls(config: TlsConfig, { baseDir, logger, metrics }: TlsParts): Promise<Tls> {
  const files = [config.cert, config.key, ...(config.ca === undefined ? [] : [config.ca])];
  const paths = files.map((file) => resolve(baseDir, file));
  if (config.clientAuth !== 'none' && config.ca === undefined)
    throw fail('SW_TLS_INVALID', { reason: 'clientAuth needs ca, the authorities that may vouch for clients' });
  let material = await readMaterial(paths, config);
  let refused: string | undefined;
  const watches: FileWatch[] = [];
  const tell = () => metrics.tlsExpiry.set(material.expiresAt / 1000);
  tell();

  /** Certificate and key are two files: between the two writes they do not fit, and the old pair stays. */
  async function renew(server: Server): Promise<void> {
    try {
      const next = await readMaterial(paths, config);
      server.setSecureContext(next.context);
      material = next;
      refused = undefined;
      tell();
      logger.info({ expiresAt: new Date(next.expiresAt).toISOString() }, 'the TLS certificate was read again');
    } catch (error) {
      refused = reasonOf(error);
      logger.warn({ err: error }, 'the changed TLS files cannot be used, the old ones stay');
    }
  }

  return {
    options: {
      ...material.context,
      requestCert: config.clientAuth !== 'none',
      rejectUnauthorized: config.clientAuth === 'require',
      handshakeTimeout: handshakeTimeoutMs,
    },
    async watch(server) {
      for (const path of paths) watches.push(await watchFile(path, () => void renew(server)));
    },
    health() {
      const leftMs = material.expiresAt - Date.now();
      const until = `the certificate is valid until ${new Date(material.expiresAt).toISOString()}`;
      if (leftMs <= 0) return { status: 'unhealthy', message: until };
      if (refused !== undefined) return { status: 'degraded', message: `the changed files were refused: ${refused}` };
      return { status: leftMs < warnBeforeMs ? 'degraded' : 'healthy', message: until };
    },
    async close() {
      await Promise.all(watches.map((watch) => watch.close()));
    },
  };
}

async function readMaterial(paths: readonly string[], { minVersion }: TlsConfig): Promise<Material> {
  try {
    const [cert = '', key = '', ca] = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
    const context = { cert, key, minVersion, ...(ca !== undefined && { ca }) };
    // Refuses a key that does not belong to the certificate, before a listener has it.
    createSecureContext(context);
    return { context, expiresAt: Date.parse(new X509Certificate(cert).validTo) };
  } catch (error) {
    throw fail('SW_TLS_INVALID', { reason: reasonOf(error) }, error);
  }
}
