import { z } from 'zod';
import type { FieldMeta, ReloadBehaviour } from './field.js';

/** Names from the root to a setting; list places are numbers. */
export type Path = readonly (string | number)[];

export type Shape = Readonly<Record<string, z.ZodType>>;

/** A schema without its wrappers, and what the wrappers said. */
export interface Unwrapped {
  readonly bare: z.ZodType;
  readonly meta: FieldMeta;
  /** Undefined also when there is none; sections have none of their own. */
  readonly default: unknown;
  readonly isRequired: boolean;
}

/** Takes off default, prefault and optional; the outermost metadata wins. */
export function unwrap(schema: z.ZodType): Unwrapped {
  let bare = schema;
  let meta: FieldMeta = schema.meta() ?? {};
  let value: unknown;
  let isRequired = true;
  while (
    bare instanceof z.ZodDefault ||
    bare instanceof z.ZodPrefault ||
    bare instanceof z.ZodOptional ||
    bare instanceof z.ZodNullable
  ) {
    if (bare instanceof z.ZodDefault) value = bare.def.defaultValue;
    isRequired = false;
    bare = bare.unwrap() as z.ZodType;
    meta = { ...bare.meta(), ...meta };
  }
  return { bare, meta, default: value, isRequired };
}

/** The fields of a section; undefined for everything else. */
export function shapeOf(schema: z.ZodType): Shape | undefined {
  const { bare } = unwrap(schema);
  return bare instanceof z.ZodObject ? bare.shape : undefined;
}

/** The schema below a name or a place; undefined when there is none. */
export function childOf(schema: z.ZodType, key: string | number): z.ZodType | undefined {
  const { bare } = unwrap(schema);
  if (bare instanceof z.ZodObject) {
    const shape = bare.shape as Shape;
    return Object.hasOwn(shape, key) ? shape[key] : undefined;
  }
  if (bare instanceof z.ZodRecord) return bare.valueType as z.ZodType;
  if (bare instanceof z.ZodArray) return bare.element as z.ZodType;
  return undefined;
}

/** The schema at a path, as far down as there is one. */
export function schemaAt(root: z.ZodType, path: Path): z.ZodType | undefined {
  let schema: z.ZodType | undefined = root;
  for (const key of path) schema = schema && childOf(schema, key);
  return schema;
}

/** What happens when the value at a path changes: what the nearest schema above it says, else `restart`. */
export function reloadAt(root: z.ZodType, path: Path): ReloadBehaviour {
  let schema: z.ZodType | undefined = root;
  let reload = unwrap(root).meta.reload;
  for (const key of path) {
    schema = schema && childOf(schema, key);
    if (schema === undefined) break;
    reload = unwrap(schema).meta.reload ?? reload;
  }
  return reload ?? 'restart';
}

/** One setting, as the generators show it. */
export interface FieldRow extends Unwrapped {
  /** Names; `<name>` for the keys of a record and `[]` for the places of a list. */
  readonly path: readonly string[];
  readonly reload: ReloadBehaviour;
}

/** Every setting that is not a section, in the order of declaration, those below records and lists included. */
export function listFields(
  schema: z.ZodType,
  path: readonly string[] = [],
  inherited: ReloadBehaviour = 'restart',
): FieldRow[] {
  const unwrapped = unwrap(schema);
  const { bare, meta } = unwrapped;
  const reload = meta.reload ?? inherited;
  if (bare instanceof z.ZodObject) {
    return Object.entries(bare.shape as Shape).flatMap(([name, child]) => listFields(child, [...path, name], reload));
  }
  const row: FieldRow = { ...unwrapped, path, reload };
  if (bare instanceof z.ZodRecord && shapeOf(bare.valueType as z.ZodType)) {
    return [row, ...listFields(bare.valueType as z.ZodType, [...path, '<name>'], reload)];
  }
  if (bare instanceof z.ZodArray && shapeOf(bare.element as z.ZodType)) {
    return [row, ...listFields(bare.element as z.ZodType, [...path, '[]'], reload)];
  }
  return [row];
}

/** A path as text: `limits.rates.api.limit`, `access[0].role`, `mcpServers["my.server"].url`. */
export function pathText(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[\w$<>-]+$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += key === '[]' ? '[]' : `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** True for an object that came from a file: neither a list nor an instance of a class. */
export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
