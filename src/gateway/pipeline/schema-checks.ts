import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { JsonObject } from '#protocol/model/index.js';

/** Compiled schemas that are kept; a schema compiles in about a millisecond. */
const maxCompiled = 2000;
/** A schema above this size is not compiled: the upstream checks its own arguments. */
const maxSchemaBytes = 256 * 1024;

/**
 * Checks arguments against the schemas of upstream tools, compiled when first used. A schema that cannot be compiled
 * (unknown dialect, reference to the network: those are never fetched) is skipped and said once.
 */
export class SchemaChecks {
  readonly #logger: Logger;
  #compiled = new Map<JsonObject, ValidateFunction | 'skipped'>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What is wrong, in one line; undefined where nothing is, or where the schema cannot say. */
  problemsOf(schema: JsonObject, given: JsonObject): string | undefined {
    const check = this.#compiled.get(schema) ?? this.#compile(schema);
    if (check === 'skipped' || check(given)) return undefined;
    return (check.errors ?? [])
      .slice(0, 5)
      .map(
        ({ instancePath, message }) => `${instancePath === '' ? '' : `${instancePath} `}${message ?? 'is not valid'}`,
      )
      .join('; ');
  }

  #compile(schema: JsonObject): ValidateFunction | 'skipped' {
    if (this.#compiled.size >= maxCompiled) this.#compiled = new Map();
    const check = this.#tryCompile(schema);
    this.#compiled.set(schema, check);
    return check;
  }

  #tryCompile(schema: JsonObject): ValidateFunction | 'skipped' {
    try {
      if (JSON.stringify(schema).length > maxSchemaBytes) return 'skipped';
      // One instance per schema: two tools may use the same `$id` for different schemas.
      const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true, logger: false });
      formats.default(ajv);
      const { $schema: _dialect, ...rest } = schema;
      return ajv.compile(rest);
    } catch (error) {
      this.#logger.info(
        { reason: reasonOf(error) },
        'a tool schema cannot be compiled; its arguments are not checked here',
      );
      return 'skipped';
    }
  }
}
