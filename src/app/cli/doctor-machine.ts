import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { request } from 'undici';
import { reasonOf } from '#kernel/errors/index.js';
import { openStorage } from '#kernel/storage/index.js';
import type { Config } from '../config.js';
import { isLoopback } from '../serve/index.js';
import { failed, failure, ok, warning, type Finding } from './finding.js';

/** The Node versions that `engines` of package.json names. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return failure('node', `Node ${version} is too old.`, 'Install Node 20.19 or newer.');
  return major >= 25
    ? warning('node', `Node ${version} is newer than what is tested.`, 'Use Node 20, 22 or 24.')
    : ok('node', `Node ${version}`);
}

/** The data directory holds keys and records of calls: ours to write, nobody else's to read. */
export async function checkDataDir(dataDir: string): Promise<Finding> {
  const check = 'data directory';
  try {
    const { mode, uid } = await stat(dataDir);
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    // Windows has no such modes.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return warning(
        check,
        `${dataDir} is open to other users (mode ${(mode & 0o777).toString(8)}).`,
        `chmod 700 ${dataDir}`,
      );
    const isOwn = process.getuid === undefined || process.getuid() === uid || process.getuid() === 0;
    return isOwn
      ? ok(check, dataDir)
      : warning(check, `${dataDir} belongs to another user.`, 'Run as its owner, or chown it.');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return checkParent(dataDir);
    return failure(check, `${dataDir} cannot be used: ${reasonOf(error)}.`, 'Give the user of the server this folder.');
  }
}

async function checkParent(dataDir: string): Promise<Finding> {
  const check = 'data directory';
  for (let folder = dirname(dataDir); ; folder = dirname(folder)) {
    try {
      await access(folder, constants.W_OK | constants.X_OK);
      return ok(check, `${dataDir} will be made at the first start.`);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || folder === dirname(folder))
        return failure(
          check,
          `${dataDir} cannot be made: ${reasonOf(error)}.`,
          'Set dataDir to a folder that can be written.',
        );
    }
  }
}

/** A port that is taken is only well when it is taken by us. */
export async function checkPort(name: 'server' | 'operations', config: Config): Promise<Finding> {
  const { host, port } = config[name];
  const check = `${name} port`;
  if (port === 0) return ok(check, 'A free port is taken at each start.');
  const problem = await listenProblem(host, port);
  if (problem === undefined) return ok(check, `${host}:${port} is free.`);
  if (problem.code === 'EADDRINUSE' && (await isSeaworthy(name, config)))
    return ok(check, `${host}:${port} is in use by a running Seaworthy.`);
  return failure(
    check,
    `Cannot listen on ${host}:${port}: ${problem.message}.`,
    `Stop the other program or set ${name}.port.`,
  );
}

function listenProblem(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', (error) => done(error));
    probe.listen(port, host, () => probe.close(() => done(undefined)));
  });
}

/** Asks whoever holds the port for what only we answer. */
async function isSeaworthy(name: 'server' | 'operations', config: Config): Promise<boolean> {
  const { host, port } = config[name];
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const path = name === 'server' ? '/health' : '/health/detailed';
  try {
    const { body } = await request(`http://${address}:${port}${path}`, {
      reset: true,
      headersTimeout: 2000,
      bodyTimeout: 2000,
    });
    return /"status":"(?:healthy|degraded|unhealthy)"/.test(await body.text());
  } catch {
    // No answer, or not over HTTP: somebody else's port.
    return false;
  }
}

export async function checkStorage(config: Config, baseDir: string): Promise<Finding> {
  try {
    const storage = await openStorage({ url: config.storage.url, dataDir: resolve(baseDir, config.dataDir) });
    const { dialect } = storage;
    await storage.close();
    return ok('storage', `${dialect} answers.`);
  } catch (error) {
    return failed('storage', error);
  }
}

/** What a listener on a public address needs. */
export function checkExposure({ server, auth }: Config): Finding {
  const check = 'exposure';
  if (isLoopback(server.host))
    return auth.mode === 'none'
      ? warning(check, 'Every program on this machine may call without a key.', 'Set auth.mode: keys.')
      : ok(check, `Only this machine reaches ${server.host}, and every call needs a key.`);
  if (auth.mode === 'none')
    return failure(
      check,
      `${server.host} is public and auth.mode is none: the server will not start.`,
      'Set auth.mode: keys.',
    );
  return warning(
    check,
    `${server.host} is public and speaks plain HTTP: keys can be read on the way.`,
    'Put a proxy that ends TLS in front of it.',
  );
}
