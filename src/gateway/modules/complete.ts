import { fail } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import type { CompletionTarget, Provisioned } from './definition.js';
import type { Offer } from './offer.js';
import type { Complete } from './resource.js';
import { failureOf, type Runtime } from './round.js';

/** The protocol's bound on the values of one answer. */
const maxValues = 100;

/**
 * Answers `completion/complete`: no values where nothing completes.
 * @throws SW_PROMPT_UNKNOWN, SW_RESOURCE_UNKNOWN, SW_PARAMS_INVALID
 */
export async function complete(
  runtime: Runtime,
  offer: Offer,
  provisioned: Provisioned | undefined,
  call: ProviderCall,
): Promise<ModelResult> {
  const { ref, argument, context } = call.request.params;
  if (!isObject(ref) || !isObject(argument)) throw fail('SW_PARAMS_INVALID', { reason: 'ref and argument are needed' });
  const { name, value } = argument;
  if (typeof name !== 'string' || typeof value !== 'string')
    throw fail('SW_PARAMS_INVALID', { reason: 'argument.name and argument.value must be strings' });
  const { target, own } = resolve(offer, ref, name);
  const filled = isObject(context) && isObject(context['arguments']) ? stringsOf(context['arguments']) : {};
  try {
    const values = (await (own ? own(value, filled) : provisioned?.complete?.(target, value, filled))) ?? [];
    return {
      completion: { values: values.slice(0, maxValues), total: values.length, hasMore: values.length > maxValues },
    };
  } catch (thrown) {
    throw failureOf(runtime, call, thrown);
  }
}

function resolve(
  offer: Offer,
  ref: Record<string, unknown>,
  argument: string,
): { target: CompletionTarget; own: Complete | undefined } {
  if (ref['type'] === 'ref/prompt') {
    const prompt = offer.prompts.get(ref['name'] as string);
    if (!prompt) throw fail('SW_PROMPT_UNKNOWN', { name: ref['name'] });
    const own = prompt.arguments?.find(({ name }) => name === argument)?.complete;
    return { target: { kind: 'prompt', of: prompt.name, argument }, own };
  }
  if (ref['type'] !== 'ref/resource')
    throw fail('SW_PARAMS_INVALID', { reason: 'ref.type must be ref/prompt or ref/resource' });
  const uri = ref['uri'];
  const found = offer.templates.find(({ definition }) => definition.uriTemplate === uri)?.definition;
  if (!found && !offer.resources.has(uri as string)) throw fail('SW_RESOURCE_UNKNOWN', { uri });
  const completers = found?.complete;
  const own = completers && Object.hasOwn(completers, argument) ? completers[argument] : undefined;
  return { target: { kind: 'resourceTemplate', of: uri as string, argument }, own };
}

const stringsOf = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === 'string')) as Record<string, string>;
