import { isObject, RawResult } from '../../jsonrpc/index.js';
import type { JsonObject, ModelResult } from '../../model/index.js';

/** The member that holds what has no object at its root: until 2026-07-28 structured output is an object. */
const member = 'result';

/** Whether the structured output of a tool moves one level down for legacy clients. */
export const nestsOutput = (outputSchema: unknown): boolean =>
  isObject(outputSchema) && outputSchema['type'] !== 'object';

/**
 * A tool for a legacy list: an output schema whose root is not an object moves one level down, under `result`, and
 * its local references with it.
 */
export function legacyTool(tool: JsonObject): JsonObject {
  const { outputSchema } = tool;
  if (!isObject(outputSchema) || !nestsOutput(outputSchema)) return tool;
  const { $schema, ...root } = outputSchema;
  return {
    ...tool,
    outputSchema: {
      ...($schema === undefined ? {} : { $schema }),
      type: 'object',
      properties: { [member]: shiftReferences(root) },
      required: [member],
    },
  };
}

/**
 * The result of a tool for a legacy client: structured content goes where `legacyTool` says it is.
 * @param outputSchema of the tool, as its provider gives it
 */
export function legacyOutput(result: ModelResult, outputSchema: unknown): ModelResult {
  if (result instanceof RawResult) {
    if (!result.has('structuredContent')) return result;
    if (result.holdsObject('structuredContent') && !nestsOutput(outputSchema)) return result;
    return result.nest('structuredContent', member);
  }
  const { structuredContent } = result;
  if (structuredContent === undefined || (isObject(structuredContent) && !nestsOutput(outputSchema))) return result;
  return { ...result, structuredContent: { [member]: structuredContent } };
}

/** Keywords whose values are data: what looks like a reference there is none. */
const opaque: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);

function shiftReferences(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(shiftReferences);
  // References below an `$id` are relative to it, and it moves along.
  if (!isObject(node) || typeof node['$id'] === 'string') return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => {
      if (name === '$ref' || name === '$dynamicRef') return [name, shifted(value)];
      return [name, opaque.has(name) ? value : shiftReferences(value)];
    }),
  );
}

/** A pointer from the root; anchors and other documents stay where they are. */
const shifted = (reference: unknown): unknown =>
  typeof reference === 'string' && (reference === '#' || reference.startsWith('#/'))
    ? `#/properties/${member}${reference.slice(1)}`
    : shiftReferences(reference);
