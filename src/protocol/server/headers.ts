import { fail } from '#kernel/errors/index.js';
import { mirroredName, type ModelRequest } from '../model/index.js';

/** Reads one request header by its lower-case name. */
export type HeaderOf = (name: string) => string | undefined;

const mismatch = (header: string, reason: string) => fail('SW_HEADER_MISMATCH', { header, reason });

/**
 * First look: what is present must agree with the body (2026-07-28, transports: mirrored headers).
 * @throws SW_HEADER_MISMATCH
 */
export function compareVersionAndMethod(header: HeaderOf, revision: string, method: string): void {
  const version = header('mcp-protocol-version')?.trim();
  if (version !== undefined && version !== revision)
    throw mismatch('MCP-Protocol-Version', `the body says ${revision}`);
  const mirrored = header('mcp-method')?.trim();
  if (mirrored !== undefined && mirrored !== method) throw mismatch('Mcp-Method', `the body says ${method}`);
}

/**
 * Second look, once the revision is known: the standard headers must be there, and `Mcp-Name` must agree.
 * @throws SW_HEADER_MISMATCH
 */
export function requireStandardHeaders(header: HeaderOf, request: ModelRequest): void {
  if (header('mcp-protocol-version') === undefined) throw mismatch('MCP-Protocol-Version', 'it is missing');
  if (header('mcp-method') === undefined) throw mismatch('Mcp-Method', 'it is missing');
  const member = mirroredName[request.method];
  if (member === undefined) return;
  const name = request.params[member];
  if (typeof name !== 'string') return; // Invalid params are answered in-band, by the stage that needs the name.
  const mirrored = header('mcp-name');
  if (mirrored === undefined) throw mismatch('Mcp-Name', 'it is missing');
  if (decodeMirrored(mirrored) !== name) throw mismatch('Mcp-Name', 'the body names another target');
}

/**
 * A mirrored value as text: plain, or `=?base64?…?=` around strict base64 of UTF-8. Undefined where the base64 is
 * not strict, which then agrees with nothing.
 */
export function decodeMirrored(value: string): string | undefined {
  const text = value.trim();
  if (!text.startsWith('=?base64?') || !text.endsWith('?=')) return text;
  const encoded = text.slice('=?base64?'.length, -2);
  // Buffer is lenient about alphabet and padding; the specification is not.
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  return Buffer.from(encoded, 'base64').toString('utf8');
}
