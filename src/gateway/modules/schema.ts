import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { z } from 'zod';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';

/** A JSON Schema 2020-12 that travels verbatim and validates with ajv. */
export interface RawSchema {
  readonly jsonSchema: JsonObject;
}

/** A schema that is ready for calls. */
export interface CompiledSchema {
  /** What lists show. */
  readonly wire: JsonObject;
  /** The value to go on with, or what is wrong with it (path and problem, at most five). */
  check(
    value: unknown,
  ): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };
}

/** Prepares a schema once: the JSON Schema is generated here, and never again. */
export function compileSchema(schema: z.ZodType | RawSchema): CompiledSchema {
  return 'jsonSchema' in schema ? rawSchema(schema.jsonSchema) : zodSchema(schema);
}

const maxProblems = 5;

function zodSchema(schema: z.ZodType): CompiledSchema {
  // The dialect is left out: 2020-12 is the protocol's default, and validators of older clients know only their own.
  const { $schema: _dialect, ...wire } = z.toJSONSchema(schema, { io: 'input' });
  return {
    wire,
    check(value) {
      const parsed = schema.safeParse(value);
      if (parsed.success) return { ok: true, value: parsed.data };
      const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`);
      return { ok: false, reason: problems.slice(0, maxProblems).join('; ') };
    },
  };
}

/** ajv costs a millisecond or more a schema, so it is compiled when the first value comes. */
function rawSchema(wire: JsonObject): CompiledSchema {
  let validate: ValidateFunction | undefined;
  return {
    wire,
    check(value) {
      validate ??= newAjv().compile(wire);
      if (validate(value)) return { ok: true, value };
      const problems = (validate.errors ?? []).map(({ instancePath, message, params }) => {
        const name: unknown = isObject(params) ? params['additionalProperty'] : undefined;
        const detail = typeof name === 'string' ? ` (${name})` : '';
        return `${instancePath.slice(1).replaceAll('/', '.') || 'arguments'}: ${message ?? 'is not valid'}${detail}`;
      });
      return { ok: false, reason: problems.slice(0, maxProblems).join('; ') };
    },
  };
}

/** One per schema: two tools may give different schemas the same `$id`. Nothing is ever loaded from a URI. */
function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  formats.default(ajv);
  return ajv;
}
