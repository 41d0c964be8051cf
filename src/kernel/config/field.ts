import { z } from 'zod';

/** What a field says about itself besides its type and default. It is kept as zod metadata. */
export interface FieldMeta {
  /** One sentence for the reference page, the schema and `--help`. */
  readonly description?: string | undefined;
  /** Environment variable that sets it. */
  readonly env?: string | undefined;
  /** `ms`, `bytes`, … */
  readonly unit?: string | undefined;
  /** True: its value is never shown. */
  readonly secret?: boolean | undefined;
  /** Whether a change in the file takes effect at once or at the next start. Inherited by what lies below. */
  readonly reload?: ReloadBehaviour | undefined;
}

export type ReloadBehaviour = 'live' | 'restart';

/** What every field can be told. Without `default` and `optional` it is required. */
export interface FieldOptions<Value> {
  readonly doc: string;
  readonly default?: Value;
  /** True: may be left out, and then is absent. */
  readonly optional?: true;
  readonly env?: string;
  readonly unit?: string;
  readonly secret?: boolean;
  /** Default `restart`, or what the section above says. */
  readonly reload?: ReloadBehaviour;
}

export interface StringOptions extends FieldOptions<string> {
  readonly pattern?: RegExp;
  readonly minLength?: number;
}

export interface NumberOptions extends FieldOptions<number> {
  readonly min?: number;
  readonly max?: number;
}

export interface SectionOptions {
  /** True: the whole section may be left out, and then is absent instead of made of defaults. */
  readonly optional?: true;
  readonly reload?: ReloadBehaviour;
}

type Finished<Schema extends z.ZodType, Options> = Options extends { readonly default: unknown }
  ? z.ZodDefault<Schema>
  : Options extends { readonly optional: true }
    ? z.ZodOptional<Schema>
    : Schema;

type Section<Shape extends z.core.$ZodLooseShape, Options> = Options extends { readonly optional: true }
  ? z.ZodOptional<z.ZodObject<Shape, z.core.$strict>>
  : z.ZodPrefault<z.ZodObject<Shape, z.core.$strict>>;

/**
 * Declares settings, once: from the returned zod type come parsing, defaults, JSON Schema, the reference page,
 * `.env.example`, the environment variables and the behaviour on reload.
 */
export const field = {
  string: <const Options extends StringOptions>(options: Options): Finished<z.ZodString, Options> => {
    let schema = z.string();
    if (options.pattern) schema = schema.regex(options.pattern);
    if (options.minLength !== undefined) schema = schema.min(options.minLength);
    return finish(schema, options);
  },

  int: <const Options extends NumberOptions>(options: Options): Finished<z.ZodInt, Options> =>
    finish(bounded(z.int(), options), options),

  number: <const Options extends NumberOptions>(options: Options): Finished<z.ZodNumber, Options> =>
    finish(bounded(z.number(), options), options),

  boolean: <const Options extends FieldOptions<boolean>>(options: Options): Finished<z.ZodBoolean, Options> =>
    finish(z.boolean(), options),

  oneOf: <const Value extends string, const Options extends FieldOptions<NoInfer<Value>>>(
    values: readonly Value[],
    options: Options,
  ): Finished<z.ZodEnum<{ [Name in Value]: Name }>, Options> =>
    finish(z.enum(values) as z.ZodEnum<{ [Name in Value]: Name }>, options),

  list: <Item extends z.ZodType, const Options extends FieldOptions<readonly z.input<Item>[]>>(
    item: Item,
    options: Options,
  ): Finished<z.ZodArray<Item>, Options> => finish(z.array(item), options),

  record: <Value extends z.ZodType, const Options extends FieldOptions<Readonly<Record<string, z.input<Value>>>>>(
    value: Value,
    options: Options,
  ): Finished<z.ZodRecord<z.ZodString, Value>, Options> => finish(z.record(z.string(), value), options),

  /** A strict object: unknown names are refused. Left out, it is made of the defaults of its fields. */
  section: <Shape extends z.core.$ZodLooseShape, const Options extends SectionOptions = object>(
    shape: Shape,
    doc: string,
    options?: Options,
  ): Section<Shape, Options> => {
    const object = z.strictObject(shape);
    const whole = options?.optional ? object.optional() : object.prefault({} as z.input<typeof object>);
    // The condition above is the one in the type.
    return whole.meta({ description: doc, reload: options?.reload }) as unknown as Section<Shape, Options>;
  },
};

function bounded<Schema extends z.ZodNumber>(schema: Schema, { min, max }: NumberOptions): Schema {
  let result = schema;
  if (min !== undefined) result = result.min(min);
  if (max !== undefined) result = result.max(max);
  return result;
}

function finish<Schema extends z.ZodType, Options extends FieldOptions<unknown>>(
  schema: Schema,
  options: Options,
): Finished<Schema, Options> {
  const { doc, env, unit, secret, reload } = options;
  const meta: FieldMeta = { description: doc, env, unit, secret, reload };
  const value = options.default;
  const whole = value !== undefined ? schema.default(value as never) : options.optional ? schema.optional() : schema;
  // The conditions above are those in the type.
  return whole.meta({ ...meta }) as unknown as Finished<Schema, Options>;
}
