import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '#protocol/model/index.js';
import { definitionOf, hashDefinition, pinKinds } from './definition.js';

const json = fc.jsonValue({ maxDepth: 3 });
const members = fc.dictionary(fc.string({ maxLength: 8 }), json, { maxKeys: 5 });
const hashOf = (kind: (typeof pinKinds)[number], item: JsonObject): string => hashDefinition(definitionOf(kind, item));

const visible: Record<(typeof pinKinds)[number], readonly string[]> = {
  tools: ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'icons', '_meta'],
  prompts: ['name', 'title', 'description', 'arguments', 'icons', '_meta'],
  resources: ['uri', 'name', 'title', 'description', 'mimeType', 'annotations', 'icons', '_meta'],
  resourceTemplates: ['uriTemplate', 'name', 'title', 'description', 'mimeType', 'annotations', 'icons', '_meta'],
};

/** The same value with the members of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

it('gives the same hash whatever the order of members', () => {
  fc.assert(
    fc.property(members, members, (inputSchema, _meta) => {
      const item = { name: 'x', inputSchema, _meta };
      expect(hashOf('tools', reversed(item) as JsonObject)).toBe(hashOf('tools', item));
    }),
  );
});

it.each(pinKinds.flatMap((kind) => visible[kind].map((field) => [kind, field] as const)))(
  'gives another hash when, in %s, %s is different',
  (kind, field) => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const same = hashDefinition({ before }) === hashDefinition({ before: after });
        expect(hashOf(kind, { [field]: before }) === hashOf(kind, { [field]: after })).toBe(same);
        expect(hashOf(kind, { [field]: before })).not.toBe(hashOf(kind, {}));
      }),
    );
  },
);

it('does not look at what no model is shown', () => {
  expect(hashOf('tools', { name: 'x', execution: { taskSupport: 'optional' } })).toBe(hashOf('tools', { name: 'x' }));
});
