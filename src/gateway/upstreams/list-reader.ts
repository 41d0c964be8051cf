import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { modern } from '#protocol/revisions/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';
import type { Dialer, ModernConnection } from './dialer.js';
import type { LegacyCalls } from './legacy-calls.js';
import { readSnapshot } from './lists.js';
import type { ModernCalls } from './modern-calls.js';
import { within } from './own-request.js';
import type { SessionOwner } from './session-owner.js';

export interface ListReaderOptions {
  readonly context: UpstreamContext;
  readonly dialer: Dialer;
  readonly modernCalls: ModernCalls;
  readonly legacyCalls: LegacyCalls;
  /** Owner of the legacy session that lists are read on. */
  readonly own: SessionOwner;
  /** Called when lists were read over the modern family; `announces`: the server tells when they change. */
  readonly onModern: () => void;
  readonly onLegacy: (announces: boolean) => void;
}

/** Reads an upstream's lists: in the modern family where it speaks that, else in the legacy one. */
export async function readLists(
  options: ListReaderOptions,
  previous: ProviderSnapshot | undefined,
): Promise<ProviderSnapshot> {
  const { dialer } = options;
  dialer.recheck('old');
  const connection = await dialer.modern();
  if (!connection) return readLegacy(options, previous);
  try {
    return await readModern(options, connection, previous);
  } catch (thrown) {
    if (!(thrown instanceof PeerError)) throw thrown;
    // It was modern once: perhaps an older server stands there now.
    dialer.recheck('wrong');
    if (await dialer.modern()) throw thrown;
    return readLegacy(options, previous);
  }
}

async function readModern(
  { context, modernCalls, onModern }: ListReaderOptions,
  connection: ModernConnection,
  previous: ProviderSnapshot | undefined,
): Promise<ProviderSnapshot> {
  const snapshot = await within(context, context.listTimeoutMs, (scope) => {
    const readPage = (method: string, params: JsonObject) => modernCalls.own(connection, { method, params }, scope);
    return readSnapshot(context, 'modern', connection.facts, readPage, previous);
  });
  onModern();
  return connection.mirrorsHeaders ? withoutUnmirrorable(context, snapshot) : snapshot;
}

async function readLegacy(
  { context, dialer, legacyCalls, onLegacy, own }: ListReaderOptions,
  previous: ProviderSnapshot | undefined,
): Promise<ProviderSnapshot> {
  const session = await dialer.legacy(own);
  if (!session) throw context.faults.protocol('it speaks no family that we know');
  const { facts } = session;
  onLegacy(Object.values(facts.capabilities).some((offer) => isObject(offer) && offer['listChanged'] === true));
  return within(context, context.listTimeoutMs, (scope) => {
    const readPage = (method: string, params: JsonObject) => legacyCalls.own(own, { method, params }, scope);
    return readSnapshot(context, 'legacy', facts, readPage, previous);
  });
}

/** HTTP clients must not offer tools whose header annotations break the rules. */
function withoutUnmirrorable(context: UpstreamContext, snapshot: ProviderSnapshot): ProviderSnapshot {
  const tools = snapshot.tools.filter(({ name, inputSchema }) => {
    const scanned = modern.readParamHeaders(inputSchema);
    if (!scanned.valid) context.logger.warn({ tool: name, reason: scanned.reason }, 'a tool is left out');
    return scanned.valid;
  });
  if (tools.length === snapshot.tools.length) return snapshot;
  return Object.freeze({ ...snapshot, tools: Object.freeze(tools) });
}
