import { fail } from '#kernel/errors/index.js';

/** Where a member of an object stands in the bytes: `keyStart` at its opening quote, `start … end` its value. */
export interface MemberSpan {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}
export type Members = ReadonlyMap<string, MemberSpan>;

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;
const comma = 0x2c;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
const largeE = 0x45;
const smallE = 0x65;

const malformed = (reason: string) => fail('SW_JSON_PARSE', { reason });
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The value whose text lies in `bytes[start … end]`.
 * @throws SW_JSON_PARSE
 */
export function parseText(bytes: Buffer, start = 0, end = bytes.length): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as unknown;
  } catch (cause) {
    throw fail('SW_JSON_PARSE', { reason: 'it does not follow the grammar' }, cause);
  }
}

/** The index after the string that opens at `at`. Long strings are jumped over by native search. */
function endOfString(bytes: Buffer, at: number): number {
  let i = at + 1;
  // Short strings: a loop beats the call into native code.
  const near = Math.min(bytes.length, i + 32);
  for (; i < near; i++) {
    const byte = bytes[i];
    if (byte === quote) return i + 1;
    if (byte === backslash) i++;
  }
  for (;;) {
    const end = bytes.indexOf(quote, i);
    if (end < 0) throw malformed('a string does not end');
    let slashes = 0;
    while (bytes[end - 1 - slashes] === backslash && end - 1 - slashes >= i) slashes++;
    if (slashes % 2 === 0) return end + 1;
    i = end + 1;
  }
}

/** The member name whose quotes stand at `start` and before `end`. Nearly all are plain ASCII, which needs no parser. */
function nameAt(bytes: Buffer, start: number, end: number): string {
  for (let i = start + 1; i < end - 1; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x20 || byte > 0x7e || byte === backslash) return parseText(bytes, start, end) as string;
  }
  return bytes.toString('latin1', start + 1, end - 1);
}

/** The index after the value that starts at `at`; brackets are matched, scalars are taken up to a delimiter. */
function endOfValue(bytes: Buffer, at: number, maxDepth: number): number {
  const first = bytes[at];
  if (first === quote) return endOfString(bytes, at);
  if (first !== openBrace && first !== openBracket) {
    let i = at;
    while (i < bytes.length && !isDelimiter(bytes[i])) i++;
    if (i === at) throw malformed('a value is missing');
    return i;
  }
  const open: number[] = [];
  for (let i = at; i < bytes.length;) {
    const byte = bytes[i];
    if (byte === quote) {
      i = endOfString(bytes, i);
      continue;
    }
    if (byte === openBrace || byte === openBracket) {
      if (open.length >= maxDepth) throw fail('SW_JSON_TOO_DEEP', { maxDepth });
      open.push(byte);
    } else if (byte === closeBrace || byte === closeBracket) {
      // In ASCII a closing bracket is its opening one plus two.
      if (open.pop() !== byte - 2) throw malformed('brackets do not match');
      if (open.length === 0) return i + 1;
    }
    i++;
  }
  throw malformed('it ends too early');
}

const isDelimiter = (byte: number | undefined): boolean =>
  byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);

/**
 * The members of the object whose text lies in `bytes[start … end]`. Values are skipped, not parsed, and a repeated
 * member is refused.
 * @throws SW_JSON_PARSE, SW_JSON_DUPLICATE_KEY, SW_JSON_TOO_DEEP
 */
export function parseMembers(bytes: Buffer, start = 0, maxDepth = 512): Members {
  const members = new Map<string, MemberSpan>();
  let i = skipSpace(bytes, start);
  if (bytes[i] !== openBrace) throw malformed('an object was expected');
  i = skipSpace(bytes, i + 1);
  if (bytes[i] === closeBrace) return endChecked(bytes, i + 1, members, start);
  for (;;) {
    if (bytes[i] !== quote) throw malformed('a member name was expected');
    const keyStart = i;
    i = endOfString(bytes, i);
    const name = nameAt(bytes, keyStart, i);
    i = skipSpace(bytes, i);
    if (bytes[i] !== colon) throw malformed('a colon was expected');
    const valueStart = skipSpace(bytes, i + 1);
    const valueEnd = endOfValue(bytes, valueStart, maxDepth);
    if (members.has(name)) throw fail('SW_JSON_DUPLICATE_KEY', { key: name });
    members.set(name, { keyStart, start: valueStart, end: valueEnd });
    i = skipSpace(bytes, valueEnd);
    if (bytes[i] === closeBrace) return endChecked(bytes, i + 1, members, start);
    if (bytes[i] !== comma) throw malformed('a comma was expected');
    i = skipSpace(bytes, i + 1);
  }
}

/** A whole buffer must hold nothing but the object; a nested object (start > 0) is followed by its parent. */
function endChecked(bytes: Buffer, end: number, members: Members, start: number): Members {
  if (start === 0 && skipSpace(bytes, end) < bytes.length) throw malformed('something follows the value');
  return members;
}

function skipSpace(bytes: Buffer, at: number): number {
  let i = at;
  while (isSpace(bytes[i])) i++;
  return i;
}

/** What one pass over the bytes tells before they are parsed. */
export interface Survey {
  /** Members written, in all objects together: more than the parsed value has means one was repeated. */
  readonly members: number;
  /** True where a number has more digits than a double is sure to keep, or an exponent that may be out of its range. */
  readonly wideNumber: boolean;
}

/**
 * One pass over untrusted bytes before JSON.parse sees them: bounds the nesting and counts members.
 * @throws SW_JSON_TOO_DEEP, SW_JSON_PARSE
 */
export function survey(bytes: Buffer, maxDepth: number): Survey {
  let members = 0;
  let depth = 0;
  let digits = 0;
  let wideNumber = false;
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i] as number;
    if (byte === quote) {
      i = endOfString(bytes, i);
      digits = 0;
      continue;
    }
    if (byte >= zero && byte <= nine) {
      if (++digits > 15) wideNumber = true;
    } else if (byte !== dot) {
      // `1e400` parses to Infinity, which is written back as null.
      if (digits > 0 && (byte === smallE || byte === largeE)) wideNumber = true;
      digits = 0;
      if (byte === colon) members++;
      else if (byte === openBrace || byte === openBracket) {
        if (++depth > maxDepth) throw fail('SW_JSON_TOO_DEEP', { maxDepth });
      } else if (byte === closeBrace || byte === closeBracket) depth--;
    }
    i++;
  }
  return { members, wideNumber };
}
