import { implementationOf, type ServerFacts } from '../../client/index.js';
import { isObject, type PeerError, type RawResult } from '../../jsonrpc/index.js';
import {
  latestModern,
  meta,
  mirroredName,
  type ClientFacts,
  type JsonObject,
  type ModelRequest,
} from '../../model/index.js';
import { mirroredValue, type ParamHeader } from './param-headers.js';

/** The request with the envelope of its client (basic/index, 2026-07-28). */
export function encodeModern(request: ModelRequest, client: ClientFacts): ModelRequest {
  const envelope: JsonObject = {
    ...(request.params['_meta'] as JsonObject | undefined),
    [meta.protocolVersion]: latestModern,
    [meta.clientCapabilities]: client.family === 'legacy' ? crossing(client.capabilities) : client.capabilities,
  };
  if (client.info) envelope[meta.clientInfo] = client.info;
  if (client.logLevel) envelope[meta.logLevel] = client.logLevel;
  return { ...request, params: { ...request.params, _meta: envelope } };
}

/** A legacy client's capabilities without those that the modern family has no counterpart for. */
function crossing(capabilities: JsonObject): JsonObject {
  const { tasks: _tasks, roots, ...rest } = capabilities;
  if (!isObject(roots)) return rest;
  const { listChanged: _listChanged, ...plainRoots } = roots;
  return { ...rest, roots: plainRoots };
}

/** Header lines that mirror the body (transports, Streamable HTTP): names and values in turn. */
export function modernHeaders({ method, params }: ModelRequest, mirrored: readonly ParamHeader[] = []): string[] {
  const headers = ['mcp-protocol-version', latestModern, 'mcp-method', method];
  const member = mirroredName[method];
  const name = member === undefined ? undefined : params[member];
  if (typeof name === 'string') headers.push('mcp-name', headerValue(name));
  for (const { header, path } of mirrored) {
    const value = mirroredValue(params['arguments'], path);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      headers.push(`mcp-param-${header}`, headerValue(String(value)));
  }
  return headers;
}

/** Plain where HTTP can carry it untouched; otherwise, or where it looks encoded already, base64 of UTF-8. */
export function headerValue(text: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?');
  return plain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

/** Reads the result of `server/discover`; undefined where it is none, or does not offer our revision. */
export function readDiscover(result: RawResult): ServerFacts | undefined {
  const body = result.toObject();
  const { supportedVersions, capabilities, instructions } = body;
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(latestModern)) return undefined;
  const identity = isObject(body['_meta']) ? body['_meta'][meta.serverInfo] : undefined;
  return {
    revision: latestModern,
    serverInfo: implementationOf(identity ?? body['serverInfo']),
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

/**
 * True for an error that only a modern server gives to `server/discover`. -32602 counts only where it names the
 * envelope: legacy servers answer it to anything that comes before `initialize`.
 */
export function isModernError({ error }: PeerError): boolean {
  if (error.code === -32020 || error.code === -32021) return true;
  if (error.code === -32022) return isObject(error.data) && Array.isArray(error.data['supported']);
  return error.code === -32602 && `${error.message} ${JSON.stringify(error.data)}`.includes('io.modelcontextprotocol/');
}

/** True where the refusal of our revision says that the server has it not. */
export function lacksOurRevision({ error }: PeerError): boolean {
  const supported = isObject(error.data) ? error.data['supported'] : undefined;
  return error.code === -32022 && Array.isArray(supported) && !supported.includes(latestModern);
}
