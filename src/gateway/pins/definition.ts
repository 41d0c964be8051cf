import { createHash } from 'node:crypto';
import type { JsonObject } from '#protocol/model/index.js';
import type { ItemKind, ProviderSnapshot } from '../catalog/index.js';
import { canonicalJson } from './canonical.js';

/** The lists whose items can be pinned, as a snapshot names them. */
export const pinKinds = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const satisfies readonly ItemKind[];
export type PinKind = ItemKind;

/** What a model can be shown of an item. Which members of `_meta` it sees is the client's choice, so all count. */
const visibleFields: Readonly<Record<PinKind, readonly string[]>> = {
  tools: ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'icons', '_meta'],
  prompts: ['name', 'title', 'description', 'arguments', 'icons', '_meta'],
  resources: ['uri', 'name', 'title', 'description', 'mimeType', 'annotations', 'icons', '_meta'],
  resourceTemplates: ['uriTemplate', 'name', 'title', 'description', 'mimeType', 'annotations', 'icons', '_meta'],
};

/** The member that identifies an item of this kind. */
const identifiers: Readonly<Record<PinKind, string>> = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
};

/** The part of an item that is pinned. */
export const definitionOf = (kind: PinKind, item: JsonObject): JsonObject =>
  Object.fromEntries(visibleFields[kind].flatMap((field) => (item[field] === undefined ? [] : [[field, item[field]]])));

/** SHA-256 over the canonical JSON of a definition, as `sha256:` and 64 hexadecimal digits. */
export const hashDefinition = (definition: JsonObject): string =>
  `sha256:${createHash('sha256').update(canonicalJson(definition)).digest('hex')}`;

/** One item of a snapshot, with the hash of what a model can see of it. */
export interface Sighting {
  readonly kind: PinKind;
  /** The provider's own name or URI. */
  readonly name: string;
  readonly hash: string;
  readonly item: JsonObject;
}

/** Every item of a snapshot, in the order of its lists. */
export const sightingsOf = (snapshot: ProviderSnapshot): Sighting[] =>
  pinKinds.flatMap((kind) =>
    (snapshot[kind] as readonly JsonObject[]).map((item) => ({
      kind,
      name: String(item[identifiers[kind]]),
      hash: hashDefinition(definitionOf(kind, item)),
      item,
    })),
  );

/** The pin of an item in the form in which it is seen. */
export const approvalOf = ({ kind, name, hash, item }: Sighting) => ({
  kind,
  name,
  pin: { approved: { hash, definition: definitionOf(kind, item) }, rejected: [] },
});
