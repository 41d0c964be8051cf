import { fail } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import { RunningCall } from './call.js';
import { isInputRequired, type InputRequired } from './input-request.js';
import type { PromptDefinition, PromptReturn } from './resource.js';
import { askingResult, bindingOf, failureOf, resumeRound, type Runtime } from './round.js';

/**
 * Answers `prompts/get`.
 * @throws SW_PROMPT_UNKNOWN, SW_PARAMS_INVALID, SW_STATE_INVALID, SW_CAPABILITY_MISSING, SW_CANCELLED
 */
export async function getPrompt(
  runtime: Runtime,
  prompts: ReadonlyMap<string, PromptDefinition>,
  call: ProviderCall,
): Promise<ModelResult> {
  const { name, arguments: given = {} } = call.request.params;
  const prompt = prompts.get(name as string);
  if (!prompt) throw fail('SW_PROMPT_UNKNOWN', { name });
  const args = argumentsOf(prompt, given);
  const running = new RunningCall(call, runtime);
  const binding = bindingOf(runtime, call, prompt.name, args);
  try {
    resumeRound(runtime, call, running, binding);
    const returned = await prompt.get(args, running);
    if (isInputRequired(returned)) return askingResult(runtime, call, binding, returned);
    return resultOf(prompt, returned);
  } catch (thrown) {
    throw failureOf(runtime, call, thrown);
  } finally {
    running.end();
  }
}

function argumentsOf(prompt: PromptDefinition, given: unknown): Record<string, string> {
  if (!isObject(given)) throw fail('SW_PARAMS_INVALID', { reason: 'arguments must be an object' });
  for (const [name, value] of Object.entries(given))
    if (typeof value !== 'string') throw fail('SW_PARAMS_INVALID', { reason: `argument ${name} must be a string` });
  const missing = (prompt.arguments ?? []).filter(({ name, required }) => required && given[name] === undefined);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw fail('SW_PARAMS_INVALID', { reason: `prompt ${prompt.name} needs the arguments ${names}` });
  }
  return given as Record<string, string>;
}

function resultOf({ description }: PromptDefinition, returned: Exclude<PromptReturn, InputRequired>): JsonObject {
  const described = description === undefined ? {} : { description };
  if (typeof returned === 'string')
    return { ...described, messages: [{ role: 'user', content: { type: 'text', text: returned } }] };
  return Array.isArray(returned) ? { ...described, messages: returned } : { ...described, ...returned };
}
