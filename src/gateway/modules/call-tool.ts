import { z } from 'zod';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import { withDeadline } from '#kernel/time/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import { RunningCall } from './call.js';
import { contentBytes, toolError, type ToolResult, type ToolReturn } from './content.js';
import { elicit, inputRequired, isInputRequired, type InputRequired } from './input-request.js';
import type { OfferedTool } from './offer.js';
import type { CallState, StateBinding } from './request-state.js';
import { askingResult, bindingOf, resumeRound, type Runtime } from './round.js';

/** Failures that the protocol wants as errors of the request, not as results of the tool. */
const protocolErrors: ReadonlySet<string> = new Set(['SW_STATE_INVALID', 'SW_CAPABILITY_MISSING', 'SW_PARAMS_INVALID']);

/**
 * Answers `tools/call`: checks the arguments, runs the tool, and makes a result of whatever it does.
 * @throws SW_TOOL_UNKNOWN, SW_PARAMS_INVALID, SW_STATE_INVALID, SW_CAPABILITY_MISSING, SW_CANCELLED
 */
export async function callTool(
  runtime: Runtime,
  tools: ReadonlyMap<string, OfferedTool>,
  call: ProviderCall,
): Promise<ModelResult> {
  const { name, arguments: given = {} } = call.request.params;
  const tool = tools.get(name as string);
  if (!tool) throw fail('SW_TOOL_UNKNOWN', { name });
  if (!isObject(given)) throw fail('SW_PARAMS_INVALID', { reason: 'arguments must be an object' });
  const running = new RunningCall(call, runtime);
  try {
    const args = tool.input.check(given);
    if (!args.ok) return toolError(`Invalid arguments for ${tool.definition.name}: ${args.reason}.`, compareHint);
    const binding = bindingOf(runtime, call, tool.definition.name, given);
    const state = resumeRound(runtime, call, running, binding);
    const parsed = args.value as JsonObject;
    const held = confirmationOf(runtime, call, running, tool, parsed, binding, state);
    if (held) return held;
    const returned = await runWithin(runtime, tool, parsed, running);
    if (!isInputRequired(returned)) return finished(tool, returned);
    return askingResult(runtime, call, binding, returned, tool.definition.confirm === undefined ? undefined : 'given');
  } catch (thrown) {
    return failedResult(runtime, tool, call, thrown);
  } finally {
    running.end();
  }
}

const compareHint = 'Compare them with inputSchema of the tool.';

/** What to answer instead of running a tool that its user has not confirmed yet; undefined once that is done. */
function confirmationOf(
  runtime: Runtime,
  call: ProviderCall,
  running: RunningCall,
  { definition }: OfferedTool,
  args: JsonObject,
  binding: StateBinding,
  state: CallState,
): ModelResult | undefined {
  if (definition.confirm === undefined || state.confirmation === 'given') return undefined;
  const answer = state.confirmation === 'asked' ? running.responses.elicited(confirmKey) : undefined;
  if (answer?.action === 'accept') return undefined;
  if (answer)
    return toolError('The user did not confirm the call.', 'Nothing was done. Ask the user what to do instead.');
  const question = typeof definition.confirm === 'string' ? definition.confirm : definition.confirm(args);
  const asking = inputRequired({ [confirmKey]: elicit(question, emptyForm) });
  return askingResult(runtime, call, binding, asking, 'asked');
}

const confirmKey = 'confirm';
const emptyForm = z.object({});

/** Runs the tool, within its own time budget where it declares one. */
function runWithin(
  { clock }: Runtime,
  { definition }: OfferedTool,
  args: JsonObject,
  running: RunningCall,
): ToolReturn | Promise<ToolReturn> {
  const { timeoutMs } = definition;
  const work = definition.run(args, running);
  if (timeoutMs === undefined || !(work instanceof Promise)) return work;
  const onTimeout = () => {
    running.scope.cancel('deadline');
    return fail('SW_DEADLINE_EXCEEDED', { timeoutMs });
  };
  return withDeadline(work, timeoutMs, onTimeout, clock);
}

/**
 * The result as the wire wants it.
 * @throws SW_MODULE_RESULT when it does not fit its output schema, SW_RESULT_TOO_LARGE
 */
function finished({ definition, output }: OfferedTool, returned: Exclude<ToolReturn, InputRequired>): ToolResult {
  const result: ToolResult = typeof returned === 'string' ? { content: [{ type: 'text', text: returned }] } : returned;
  const broken = (reason: string) => fail('SW_MODULE_RESULT', { name: definition.name, reason });
  if (!Array.isArray(result?.content)) throw broken('it has no content');
  if (output && !result.isError) {
    const checked = output.check(result.structuredContent);
    if (!checked.ok) throw broken(checked.reason);
  }
  const maxBytes = definition.maxResultBytes;
  if (maxBytes !== undefined && contentBytes(result) > maxBytes) throw fail('SW_RESULT_TOO_LARGE', { maxBytes });
  return result;
}

function failedResult(runtime: Runtime, { definition }: OfferedTool, call: ProviderCall, thrown: unknown): ToolResult {
  const known = thrown instanceof SeaworthyError ? thrown : undefined;
  if (known && protocolErrors.has(known.code)) throw known;
  if (call.scope.cancelled && known?.code !== 'SW_DEADLINE_EXCEEDED') throw fail('SW_CANCELLED', {}, thrown);
  if (known && known.kind !== 'bug')
    return toolError(`${known.message.replace(/\.$/, '')} (${known.code}).`, known.hint);
  runtime.log.error({ err: thrown, tool: definition.name, requestId: call.scope.id }, 'tool failed');
  return toolError('The tool failed unexpectedly.', `Report it with the request id ${call.scope.id}.`);
}
