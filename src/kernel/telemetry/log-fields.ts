import { SeaworthyError } from '#kernel/errors/index.js';

/** Member names, without case, dashes and underscores, whose values never reach a log. */
const sensitive: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'xapikey',
  'apikey',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'secret',
  'clientsecret',
  'password',
  'passphrase',
  'privatekey',
]);

const redacted = '[redacted]';
const maxDepth = 8;
const maxCauses = 8;

/**
 * The fields of a log line made safe: values under sensitive names are replaced at any depth and in any spelling,
 * errors become their code, message and chain of causes (with stacks only on request), binary data its length.
 * pino's own redaction takes paths, so it misses `Authorization` and whatever lies one level deeper than foreseen.
 */
export function safeFields(fields: object, withStack: boolean): object {
  if (fields instanceof Error) return { err: errorFields(fields, withStack, 0) };
  return safeObject(fields as Record<string, unknown>, withStack, 0);
}

function safeValue(value: unknown, withStack: boolean, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value, withStack, depth);
  if (ArrayBuffer.isView(value)) return `[${String(value.byteLength)} bytes]`;
  // A type that says how it is written (Date, URL, Secret) is left to say it.
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  if (depth >= maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => safeValue(item, withStack, depth + 1));
  if (value instanceof Map || value instanceof Set) return `[${String(value.size)} entries]`;
  return safeObject(value as Record<string, unknown>, withStack, depth);
}

function safeObject(object: Record<string, unknown>, withStack: boolean, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    safe[key] = isSensitive(key) ? redacted : safeValue(object[key], withStack, depth + 1);
  }
  return safe;
}

function errorFields(error: Error, withStack: boolean, depth: number): Record<string, unknown> {
  const code = 'code' in error ? error.code : undefined;
  const fields: Record<string, unknown> = { name: error.name, message: error.message };
  if (typeof code === 'string' || typeof code === 'number') fields['code'] = code;
  if (error instanceof SeaworthyError) {
    fields['hint'] = error.hint;
    if (Object.keys(error.details).length > 0) fields['details'] = safeObject({ ...error.details }, false, depth + 1);
  }
  if (withStack && error.stack !== undefined) fields['stack'] = error.stack;
  if (error.cause !== undefined && depth < maxCauses) {
    fields['cause'] = error.cause instanceof Error ? errorFields(error.cause, withStack, depth + 1) : '[not an error]';
  }
  return fields;
}

/** Verdicts by name as written. Names repeat, so a small cache saves the normalising; the cap is against hostile ones. */
const verdicts = new Map<string, boolean>();
const maxVerdicts = 2_000;

function isSensitive(key: string): boolean {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = sensitive.has(key.toLowerCase().replace(/[-_]/g, ''));
  if (verdicts.size < maxVerdicts) verdicts.set(key, verdict);
  return verdict;
}
