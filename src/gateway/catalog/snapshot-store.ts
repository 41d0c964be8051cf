import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { ProviderSnapshot } from './provider.js';

/** Keeps the last good snapshot of each provider over a restart, so that the first list is warm. */
export interface SnapshotStore {
  load(provider: string): ProviderSnapshot | undefined;
  save(snapshot: ProviderSnapshot): void;
}

/** Forgets everything: for tests and programs without a data directory. */
export const noSnapshotStore: SnapshotStore = { load: () => undefined, save: () => {} };

const format = 1;

/**
 * One JSON file per provider. A snapshot is used again only for the same configuration of the provider: another
 * command or address is another server.
 * @param configurationOf a digest of each provider's configuration
 */
export function fileSnapshotStore(
  directory: string,
  configurationOf: (provider: string) => string,
  logger: Logger,
): SnapshotStore {
  const fileOf = (provider: string) => join(directory, `${provider}.json`);
  const written = new Map<string, string>();
  return {
    load(provider) {
      let text: string;
      try {
        text = readFileSync(fileOf(provider), 'utf8');
      } catch {
        // No file is the normal case of a first start; any other trouble only costs the warm start.
        return undefined;
      }
      try {
        const kept = JSON.parse(text) as unknown;
        if (!isObject(kept) || kept['format'] !== format || kept['configuration'] !== configurationOf(provider))
          return undefined;
        if (!isSnapshotOf(kept['snapshot'], provider)) throw fail('SW_JSON_PARSE', { reason: 'it is no snapshot' });
        return kept['snapshot'];
      } catch (error) {
        logger.warn({ provider, reason: reasonOf(error) }, 'a kept snapshot is damaged and was ignored');
        return undefined;
      }
    },
    save(snapshot) {
      if (written.get(snapshot.provider) === snapshot.hash) return;
      const text = JSON.stringify({ format, configuration: configurationOf(snapshot.provider), snapshot });
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        const temporary = `${fileOf(snapshot.provider)}.${process.pid}`;
        writeFileSync(temporary, text, { mode: 0o600 });
        renameSync(temporary, fileOf(snapshot.provider));
        written.set(snapshot.provider, snapshot.hash);
      } catch (error) {
        logger.warn({ provider: snapshot.provider, reason: reasonOf(error) }, 'a snapshot could not be kept');
      }
    },
  };
}

/** The members that a view relies on: a file that anything else wrote must not break every list. */
const isSnapshotOf = (value: unknown, provider: string): value is ProviderSnapshot =>
  isObject(value) &&
  value['provider'] === provider &&
  isObject(value['capabilities']) &&
  typeof value['ttlMs'] === 'number' &&
  isListOf(value['tools'], 'name') &&
  isListOf(value['prompts'], 'name') &&
  isListOf(value['resources'], 'uri') &&
  isListOf(value['resourceTemplates'], 'uriTemplate');

const isListOf = (value: unknown, key: string): boolean =>
  Array.isArray(value) && value.every((item) => isObject(item) && typeof item[key] === 'string');
