import { z } from 'zod';
import { listFields, pathText, type FieldRow } from './schema-tree.js';

/** The JSON Schema (draft 2020-12) of the file, for editors. */
export function jsonSchemaOf(root: z.ZodType): Record<string, unknown> {
  const schema = z.toJSONSchema(root, { target: 'draft-2020-12', io: 'input', override: annotate }) as Record<
    string,
    unknown
  >;
  // Added here, not declared: the loader takes this name off before it parses.
  const properties = schema['properties'] as Record<string, unknown> | undefined;
  return { ...schema, properties: { $schema: { type: 'string' }, ...properties } };
}

/** Our metadata in words that JSON Schema knows: strict validators refuse others without the `x-` prefix. */
function annotate({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { env, unit, secret, reload, ...rest } = jsonSchema;
  for (const name of ['env', 'unit', 'secret', 'reload']) delete jsonSchema[name];
  if (env !== undefined) jsonSchema['x-env'] = env;
  if (unit !== undefined) jsonSchema['x-unit'] = unit;
  if (reload !== undefined) jsonSchema['x-reload'] = reload;
  if (secret === true) jsonSchema.writeOnly = true;
  // A section's stand-in for "absent" would only be noise in an editor.
  if (rest.properties && isEmptyObject(rest.default)) delete jsonSchema.default;
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** A Markdown table with one row per setting. */
export function referencePage(root: z.ZodType): string {
  const head = ['Setting', 'Type', 'Default', 'Environment', 'Unit', 'Reload', 'What it does'];
  const rows = listFields(root).map((row) => [
    code(pathText(row.path)),
    typeText(row.bare),
    defaultText(row),
    row.meta.env === undefined ? '' : code(row.meta.env),
    row.meta.unit ?? '',
    row.reload,
    row.meta.description ?? '',
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('');
}

/** The text of `.env.example`: every setting that a variable can set, commented out with its default. */
export function envExample(root: z.ZodType): string {
  return listFields(root)
    .filter((row) => row.meta.env !== undefined)
    .map(({ meta, default: value, path }) => {
      const text = meta.secret || value === undefined ? '' : envText(value);
      const unit = meta.unit === undefined ? '' : ` (${meta.unit})`;
      return `# ${pathText(path)}: ${meta.description ?? ''}${unit}\n# ${meta.env ?? ''}=${text}\n`;
    })
    .join('\n');
}

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const envText = (value: unknown): string =>
  Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);

function defaultText(row: FieldRow): string {
  if (row.default !== undefined) return code(JSON.stringify(row.default));
  return row.isRequired ? 'required' : '';
}

function typeText(bare: z.ZodType): string {
  if (bare instanceof z.ZodEnum) return bare.options.map((value) => code(String(value))).join(' | ');
  if (bare instanceof z.ZodNumber) return rangeText(bare);
  if (bare instanceof z.ZodArray) return `list of ${typeText(bare.element as z.ZodType)}`;
  if (bare instanceof z.ZodRecord) return `map of ${typeText(bare.valueType as z.ZodType)}`;
  if (bare instanceof z.ZodObject || bare instanceof z.ZodPrefault) return 'section';
  return bare.type === 'unknown' ? 'any value' : bare.type;
}

function rangeText(number: z.ZodNumber): string {
  const word = number.format === 'safeint' ? 'whole number' : 'number';
  const [min, max] = [number.minValue, number.maxValue];
  const isBound = (value: number | null): value is number =>
    value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  if (isBound(min) && isBound(max)) return `${word}, ${min} to ${max}`;
  if (isBound(min)) return `${word}, at least ${min}`;
  return isBound(max) ? `${word}, at most ${max}` : word;
}
