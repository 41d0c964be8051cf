import { implementationOf, type ServerFacts } from '../../client/index.js';
import { isObject, type RawResult, type RpcErrorObject } from '../../jsonrpc/index.js';
import {
  extension,
  latestLegacy,
  legacyRevisions,
  type Implementation,
  type JsonObject,
  type ModelRequest,
} from '../../model/index.js';

/**
 * Everything a client can offer, MCP Apps included: some servers name their apps to nobody else. Declared where a
 * session serves many callers; what each can do is asked per call.
 */
export const everyClientCapability: JsonObject = {
  roots: {},
  sampling: { context: {}, tools: {} },
  elicitation: { form: {}, url: {} },
  extensions: { [extension.ui]: { mimeTypes: ['text/html;profile=mcp-app'] } },
};

/** Params of `initialize` in the newest legacy revision; an older server answers with its own. */
export const initializeParams = (clientInfo: Implementation, capabilities: JsonObject): JsonObject => ({
  protocolVersion: latestLegacy,
  capabilities,
  clientInfo,
});

/** Reads the result of `initialize`; undefined where it is none, or in a revision that we do not speak. */
export function readInitialize(result: RawResult): ServerFacts | undefined {
  const { protocolVersion, capabilities, serverInfo, instructions } = result.toObject();
  const revision = legacyRevisions.find((known) => known === protocolVersion);
  if (!revision) return undefined;
  return {
    revision,
    serverInfo: implementationOf(serverInfo),
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

/** The request as a legacy server reads it: the members of a retry do not exist there. */
export function encodeLegacy(request: ModelRequest): ModelRequest {
  const { params } = request;
  if (!('inputResponses' in params) && !('requestState' in params)) return request;
  const { inputResponses: _responses, requestState: _state, ...rest } = params;
  return { ...request, params: rest };
}

/** A server's error in the canonical model: a missing resource is -32602 with its `uri` there. */
export function modelError(error: RpcErrorObject, request: ModelRequest): RpcErrorObject {
  if (error.code !== -32002) return error;
  const data = isObject(error.data) ? error.data : {};
  return { ...error, code: -32602, data: { uri: request.params['uri'], ...data } };
}
