/** Who can put the failure right: the caller, the operator, the upstream server's owner, or us. */
export type ErrorKind = 'caller' | 'operator' | 'upstream' | 'bug';

/** One row of a catalogue of errors. Codes are API: never renamed, never reused. */
export interface ErrorEntry {
  /** One sentence; `{name}` is replaced by the detail of that name. */
  readonly message: string;
  /** What the reader does next. */
  readonly hint: string;
  readonly kind: ErrorKind;
  /** HTTP status where the failure is answered by plain HTTP. */
  readonly http: number;
  /** JSON-RPC error code. Our own lie outside -32768 … -32000, which the specifications reserve. */
  readonly rpc: number;
  /** True when the same request may succeed later and repeating it is safe. */
  readonly retryable: boolean;
}

/** Values that fill the message and travel to the caller as data: never secrets, never host paths. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

const brand = Symbol.for('seaworthy.error');

/** The one error type that leaves a function on purpose. Match on `code`. */
export class SeaworthyError extends Error {
  /** A module may bring its own copy of this package: its errors are ours all the same. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }

  readonly [brand] = true;
  override readonly name = 'SeaworthyError';
  readonly code: string;
  readonly entry: ErrorEntry;
  readonly details: ErrorDetails;

  constructor(code: string, entry: ErrorEntry, details: ErrorDetails, cause?: unknown) {
    super(fill(entry.message, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.entry = entry;
    this.details = details;
  }

  get hint(): string {
    return fill(this.entry.hint, this.details);
  }
  get kind(): ErrorKind {
    return this.entry.kind;
  }
  get retryable(): boolean {
    return this.entry.retryable;
  }
}

const fill = (text: string, details: ErrorDetails): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in details ? String(details[name]) : whole));

/** A function that makes the errors of one catalogue: `throw fail('SW_X', { host })`. */
export type Fail<Code extends string> = (code: Code, details?: ErrorDetails, cause?: unknown) => SeaworthyError;

/**
 * Declares a catalogue (the kernel's, or a module's own) and returns its maker of errors.
 * A second declaration of a code throws at load, so two failures never share a code.
 */
export function defineErrors<const Entries extends Record<string, ErrorEntry>>(
  entries: Entries,
): Fail<Extract<keyof Entries, string>> {
  for (const [code, entry] of Object.entries(entries)) {
    if (declared.has(code)) throw new TypeError(`error code ${code} is declared twice`);
    declared.set(code, entry);
  }
  return (code, details = {}, cause) => new SeaworthyError(code, entries[code] as ErrorEntry, details, cause);
}

const declared = new Map<string, ErrorEntry>();

/** Every code declared so far, for the reference page and the test that compares both. */
export const declaredErrors = (): ReadonlyMap<string, ErrorEntry> => declared;
