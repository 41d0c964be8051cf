import { fail } from '#kernel/errors/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import { RunningCall } from './call.js';
import type { ResourceContents } from './content.js';
import { isInputRequired, type InputRequired } from './input-request.js';
import type { Offer } from './offer.js';
import type { CacheHint, ReadReturn } from './resource.js';
import { askingResult, bindingOf, failureOf, resumeRound, type Runtime } from './round.js';

interface Readable {
  readonly mimeType: string | undefined;
  readonly cache: CacheHint | undefined;
  read(running: RunningCall): ReadReturn | Promise<ReadReturn>;
}

/**
 * Answers `resources/read`.
 * @throws SW_RESOURCE_UNKNOWN with the URI, SW_PARAMS_INVALID, SW_STATE_INVALID, SW_CAPABILITY_MISSING, SW_CANCELLED
 */
export async function readResource(runtime: Runtime, offer: Offer, call: ProviderCall): Promise<ModelResult> {
  const { uri } = call.request.params;
  if (typeof uri !== 'string') throw fail('SW_PARAMS_INVALID', { reason: 'uri must be a string' });
  const found = findResource(offer, uri);
  if (!found) throw fail('SW_RESOURCE_UNKNOWN', { uri });
  const running = new RunningCall(call, runtime);
  const binding = bindingOf(runtime, call, uri, {});
  try {
    resumeRound(runtime, call, running, binding);
    const returned = await found.read(running);
    if (isInputRequired(returned)) return askingResult(runtime, call, binding, returned);
    const { ttlMs = 0, cacheScope = 'private' } = found.cache ?? {};
    return { contents: contentsOf(uri, found.mimeType, returned), ttlMs, cacheScope };
  } catch (thrown) {
    throw failureOf(runtime, call, thrown);
  } finally {
    running.end();
  }
}

/** The resource or template behind a URI: fixed URIs first, then templates in their order. */
export function findResource(offer: Offer, uri: string): Readable | undefined {
  const fixed = offer.resources.get(uri);
  if (fixed) return { mimeType: fixed.mimeType, cache: fixed.cache, read: (running) => fixed.read(running) };
  for (const { definition, template } of offer.templates) {
    const vars = template.match(uri);
    if (!vars) continue;
    const { mimeType, cache } = definition;
    return { mimeType, cache, read: (running) => definition.read(vars, running, uri) };
  }
  return undefined;
}

function contentsOf(
  uri: string,
  mimeType: string | undefined,
  returned: Exclude<ReadReturn, InputRequired>,
): ResourceContents[] {
  if (typeof returned === 'string') return [{ uri, mimeType: mimeType ?? 'text/plain', text: returned }];
  if (!(returned instanceof Uint8Array)) return returned;
  const blob = Buffer.from(returned.buffer, returned.byteOffset, returned.byteLength).toString('base64');
  return [{ uri, mimeType: mimeType ?? 'application/octet-stream', blob }];
}
