import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { canonicalJson } from './canonical.js';
import { hashDefinition, pinKinds, type PinKind } from './definition.js';

/** What was decided about one item. */
export interface Pin {
  /** The form that may be offered; undefined where none was ever approved. */
  readonly approved: { readonly hash: string; readonly definition: JsonObject } | undefined;
  /** Hashes of forms that were looked at and refused. */
  readonly rejected: readonly string[];
}

/** The pins of one server. */
export interface PinSet {
  /** True once somebody decided: from then on nothing new is trusted at first sight. */
  readonly locked: boolean;
  readonly pins: Readonly<Record<PinKind, ReadonlyMap<string, Pin>>>;
}

export const emptyPinSet: PinSet = {
  locked: false,
  pins: { tools: new Map(), prompts: new Map(), resources: new Map(), resourceTemplates: new Map() },
};

/** The set with these pins in place of what it had. */
export function withPins(
  set: PinSet,
  changes: readonly { readonly kind: PinKind; readonly name: string; readonly pin: Pin }[],
  locked: boolean,
): PinSet {
  const pins = Object.fromEntries(pinKinds.map((kind) => [kind, new Map(set.pins[kind])])) as Record<
    PinKind,
    Map<string, Pin>
  >;
  for (const { kind, name, pin } of changes) pins[kind].set(name, pin);
  return { locked, pins };
}

/** A set as JSON, in an order that depends on nothing but its content. */
export function renderPinSet({ pins }: PinSet): JsonObject {
  const kinds = pinKinds.filter((kind) => pins[kind].size > 0);
  return Object.fromEntries(
    kinds.map((kind) => {
      const sorted = [...pins[kind]].sort(([a], [b]) => (a < b ? -1 : 1));
      return [kind, Object.fromEntries(sorted.map(([name, pin]) => [name, renderPin(pin)]))];
    }),
  );
}

const renderPin = ({ approved, rejected }: Pin): JsonObject => ({
  ...(approved && {
    hash: approved.hash,
    definition: JSON.parse(canonicalJson(approved.definition)) as JsonObject,
  }),
  ...(rejected.length > 0 && { rejected: [...rejected].sort() }),
});

/** @throws RangeError for what `renderPinSet` did not write, and for a definition that is not the one of its hash */
export function parsePinSet(value: unknown, locked: boolean): PinSet {
  if (!isObject(value)) throw new RangeError('the pins of a server are not an object');
  const unknown = Object.keys(value).find((key) => !(pinKinds as readonly string[]).includes(key));
  if (unknown !== undefined) throw new RangeError(`${unknown} is no kind of pin`);
  const pins = Object.fromEntries(pinKinds.map((kind) => [kind, parsePins(kind, value[kind] ?? {})]));
  return { locked, pins: pins as Record<PinKind, ReadonlyMap<string, Pin>> };
}

function parsePins(kind: PinKind, value: unknown): ReadonlyMap<string, Pin> {
  if (!isObject(value)) throw new RangeError(`${kind} is not an object`);
  return new Map(Object.entries(value).map(([name, pin]) => [name, parsePin(`${kind}.${name}`, pin)]));
}

function parsePin(place: string, value: unknown): Pin {
  if (!isObject(value)) throw new RangeError(`${place} is not an object`);
  const { hash, definition, rejected = [] } = value;
  if (!Array.isArray(rejected) || !rejected.every((each) => typeof each === 'string'))
    throw new RangeError(`${place}.rejected is not a list of hashes`);
  if (hash === undefined && definition === undefined) return { approved: undefined, rejected };
  if (typeof hash !== 'string' || !isObject(definition))
    throw new RangeError(`${place} needs both hash and definition`);
  if (hashDefinition(definition) !== hash)
    throw new RangeError(`${place} does not have the hash that stands beside it`);
  return { approved: { hash, definition }, rejected };
}
