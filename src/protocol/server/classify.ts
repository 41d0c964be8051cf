import { fail } from '#kernel/errors/index.js';
import { toMessage, type RpcMessage } from '../jsonrpc/index.js';
import { latestModern, type Family } from '../model/index.js';
import { modern } from '../revisions/index.js';

/** What one POST body (or one line over stdio) is, decided once. */
export type Inbound =
  | { readonly family: Family; readonly batch: false; readonly entry: RpcMessage }
  | { readonly family: 'legacy'; readonly batch: true; readonly entries: readonly RpcMessage[] };

/**
 * Decides family and kind of what a client sent. The body decides the family; the version header only tells a modern
 * client's mistake (no envelope) from a legacy request.
 * @param versionHeader `MCP-Protocol-Version`, undefined where absent or where there are no headers (stdio)
 * @throws SW_REQUEST_INVALID, SW_BATCH_UNSUPPORTED, SW_ENVELOPE_INVALID, SW_HEADER_MISMATCH
 */
export function classify(value: unknown, versionHeader: string | undefined): Inbound {
  if (Array.isArray(value)) return classifyBatch(value);
  const entry = toMessage(value);
  if (entry.kind === 'response') return { family: 'legacy', batch: false, entry };
  const enveloped = modern.hasEnvelope(entry.message.params);
  const modernHeader = versionHeader === latestModern;
  if (entry.kind === 'notification')
    return { family: enveloped || modernHeader ? 'modern' : 'legacy', batch: false, entry };
  if (enveloped) return { family: 'modern', batch: false, entry };
  if (!modernHeader) return { family: 'legacy', batch: false, entry };
  if (entry.message.method === 'initialize')
    throw fail('SW_HEADER_MISMATCH', {
      header: 'MCP-Protocol-Version',
      reason: 'initialize belongs to older revisions',
    });
  throw fail('SW_ENVELOPE_INVALID', { reason: 'the header names 2026-07-28 but params._meta has no envelope' });
}

function classifyBatch(values: readonly unknown[]): Inbound {
  if (values.length === 0) throw fail('SW_REQUEST_INVALID', { reason: 'the batch is empty' });
  const entries = values.map(toMessage);
  for (const { kind, message } of entries)
    if (kind !== 'response' && modern.hasEnvelope(message.params)) throw fail('SW_BATCH_UNSUPPORTED');
  return { family: 'legacy', batch: true, entries };
}
