import { defineErrors } from './error.js';

/**
 * Every failure that the kernel, the protocol layer and the gateway can raise. Modules declare theirs in their own
 * `errors.ts`. JSON-RPC codes: the specification's where it has one, else -31xxx (outside the reserved range).
 */
// A table: one entry, five lines.
// prettier-ignore
export const fail = defineErrors({
  // protocol: what a client can get wrong on the wire
  SW_JSON_PARSE: {
    message: 'The body is not valid JSON: {reason}.',
    hint: 'Send one JSON-RPC 2.0 message in UTF-8.',
    kind: 'caller', http: 400, rpc: -32700, retryable: false,
  },
  SW_JSON_DUPLICATE_KEY: {
    message: 'A member of the body repeats another one, or differs only in case from one that decides: {key}.',
    hint: 'Send each member once, in the spelling of the specification.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_JSON_TOO_DEEP: {
    message: 'The body nests deeper than {maxDepth} levels.',
    hint: 'Flatten the arguments, or ask the operator to raise limits.maxJsonDepth.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_REQUEST_INVALID: {
    message: 'The message is not a valid JSON-RPC request: {reason}.',
    hint: 'Send { "jsonrpc": "2.0", "id", "method", "params" } as the specification describes.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_BATCH_UNSUPPORTED: {
    message: 'Batches exist in revision 2025-03-26 only.',
    hint: 'Send one message per request.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_MEDIA_TYPE: {
    message: 'The content type must be application/json, not {contentType}.',
    hint: 'Set Content-Type: application/json.',
    kind: 'caller', http: 415, rpc: -32600, retryable: false,
  },
  SW_NOT_ACCEPTABLE: {
    message: 'The client does not accept {needed}.',
    hint: 'Send Accept: application/json, text/event-stream.',
    kind: 'caller', http: 406, rpc: -32600, retryable: false,
  },
  SW_BODY_TOO_LARGE: {
    message: 'The body is larger than {maxBytes} bytes.',
    hint: 'Send less, or ask the operator to raise limits.maxBodyBytes.',
    kind: 'caller', http: 413, rpc: -32600, retryable: false,
  },
  SW_HEADERS_TOO_LARGE: {
    message: 'The head of the request is larger than {maxBytes} bytes.',
    hint: 'Send fewer or shorter headers.',
    kind: 'caller', http: 431, rpc: -32600, retryable: false,
  },
  SW_BODY_TIMEOUT: {
    message: 'The request did not arrive within {timeoutMs} ms.',
    hint: 'Send the whole request at once.',
    kind: 'caller', http: 408, rpc: -32600, retryable: true,
  },
  SW_ENVELOPE_INVALID: {
    message: 'The request envelope is not valid: {reason}.',
    hint: 'Set the io.modelcontextprotocol/* members of params._meta as revision 2026-07-28 demands.',
    kind: 'caller', http: 400, rpc: -32602, retryable: false,
  },
  SW_HEADER_MISMATCH: {
    message: 'The header {header} does not agree with the body: {reason}.',
    hint: 'Mirror the body in the standard headers, or refresh tools/list and try again.',
    kind: 'caller', http: 400, rpc: -32020, retryable: false,
  },
  SW_CAPABILITY_MISSING: {
    message: 'The request needs a client capability that it did not declare.',
    hint: 'Declare the capabilities named in data.requiredCapabilities.',
    kind: 'caller', http: 400, rpc: -32021, retryable: false,
  },
  SW_REVISION_UNSUPPORTED: {
    message: 'Protocol revision {requested} is not supported.',
    hint: 'Use one of data.supported.',
    kind: 'caller', http: 400, rpc: -32022, retryable: false,
  },
  SW_METHOD_UNKNOWN: {
    message: 'Method not found: {method}.',
    hint: 'Use a method of the protocol revision that the request declares.',
    kind: 'caller', http: 404, rpc: -32601, retryable: false,
  },
  SW_HTTP_METHOD: {
    message: 'HTTP method {method} is not allowed here.',
    hint: 'POST JSON-RPC messages to this address.',
    kind: 'caller', http: 405, rpc: -32600, retryable: false,
  },
  SW_PARAMS_INVALID: {
    message: 'Invalid params: {reason}.',
    hint: 'Compare the request with the schema of the method.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_CURSOR_INVALID: {
    message: 'The cursor is not valid, or the list has changed since it was given.',
    hint: 'Start again without a cursor.',
    kind: 'caller', http: 200, rpc: -32602, retryable: true,
  },
  SW_STATE_INVALID: {
    message: 'The requestState is not valid for this call: {reason}.',
    hint: 'Start the call again without requestState.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_TASK_UNKNOWN: {
    message: 'There is no such task.',
    hint: 'Use a taskId that this gateway gave to the same caller; a task that was kept for its time is gone.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_TASK_CANCELLED: {
    message: 'The server cancelled the task that the call had become.',
    hint: 'Call again if it is still wanted.',
    kind: 'upstream', http: 200, rpc: -31023, retryable: false,
  },
  SW_SESSION_MISSING: {
    message: 'The request carries no Mcp-Session-Id.',
    hint: 'Send initialize first and repeat the session id that it returns.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_SESSION_UNKNOWN: {
    message: 'The session is unknown or has ended.',
    hint: 'Send initialize again.',
    kind: 'caller', http: 404, rpc: -32600, retryable: false,
  },
  SW_STREAM_CONFLICT: {
    message: 'The session already has an open stream.',
    hint: 'Close the other stream first.',
    kind: 'caller', http: 409, rpc: -32600, retryable: true,
  },
  SW_HOST_REFUSED: {
    message: 'The Host header {host} is not allowed.',
    hint: 'Use an address that the operator listed in server.allowedHosts.',
    kind: 'caller', http: 403, rpc: -32600, retryable: false,
  },
  SW_ORIGIN_REFUSED: {
    message: 'The Origin {origin} is not allowed.',
    hint: 'Ask the operator to add it to server.allowedOrigins.',
    kind: 'caller', http: 403, rpc: -32600, retryable: false,
  },
  SW_CLIENT_ADDRESS_REFUSED: {
    message: 'Your address may not use this server.',
    hint: 'Ask the operator to add it to allowedAddresses.',
    kind: 'caller', http: 403, rpc: -32600, retryable: false,
  },
  SW_HTTP_MALFORMED: {
    message: 'The HTTP request is malformed or ambiguous: {reason}.',
    hint: 'Send one plain path, each header once, and a length or chunks, not both.',
    kind: 'caller', http: 400, rpc: -32600, retryable: false,
  },
  SW_TLS_INVALID: {
    message: 'The TLS certificate or its key cannot be used: {reason}.',
    hint: 'Check server.tls: PEM files that this user may read, the certificate first, its own key.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_ROUTE_UNKNOWN: {
    message: 'Nothing is served at {path}.',
    hint: 'MCP is served at /mcp and /mcp/{provider}.',
    kind: 'caller', http: 404, rpc: -32600, retryable: false,
  },

  // admission and limits
  SW_UNAUTHENTICATED: {
    message: 'The request carries no valid credential.',
    hint: 'Send Authorization: Bearer <key> or X-API-Key. Keys are made with `seaworthy keys create`.',
    kind: 'caller', http: 401, rpc: -31001, retryable: false,
  },
  SW_TOKEN_INVALID: {
    message: 'The access token is not valid here.',
    hint: 'Ask the authorization server for a new token for exactly this address; WWW-Authenticate says where.',
    kind: 'caller', http: 401, rpc: -31001, retryable: false,
  },
  SW_ISSUER_UNAVAILABLE: {
    message: 'Access tokens of {issuer} cannot be verified now.',
    hint: 'Check that the address of the issuer is right and that it answers; the log says what failed.',
    kind: 'operator', http: 503, rpc: -31001, retryable: true,
  },
  SW_ISSUER_METADATA: {
    message: 'The metadata of the issuer cannot be used: {reason}.',
    hint: 'Write auth.oauth.issuers[].issuer exactly as its metadata does, or set jwksUri.',
    kind: 'operator', http: 503, rpc: -31001, retryable: true,
  },
  SW_KEYS_UNAVAILABLE: {
    message: 'Keys cannot be checked: the database has been away for too long.',
    hint: 'Bring the database back; auth.keys.maxStaleMs says how long the last known keys are believed.',
    kind: 'operator', http: 503, rpc: -31001, retryable: true,
  },
  SW_ACCESS_DENIED: {
    message: '{kind} {name} is not allowed for this principal.',
    hint: 'Ask the operator for an allow rule that names it.',
    kind: 'caller', http: 403, rpc: -31003, retryable: false,
  },
  SW_SCOPE_INSUFFICIENT: {
    message: 'The credential lacks scopes that {kind} {name} needs.',
    hint: 'Get a credential with all scopes named in data.scopes.',
    kind: 'caller', http: 403, rpc: -31005, retryable: false,
  },
  SW_REST_INVALID: {
    message: 'The request does not fit its description: {reason}.',
    hint: 'Compare it with /openapi.json.',
    kind: 'caller', http: 400, rpc: -32602, retryable: false,
  },
  SW_CONFIRMATION_UNAVAILABLE: {
    message: '{kind} {name} needs the consent of a person, and this client cannot ask for it.',
    hint: 'Use a client that declares elicitation with forms, and keeps a session or speaks 2026-07-28.',
    kind: 'caller', http: 403, rpc: -31006, retryable: false,
  },
  SW_CONFIRMATION_DECLINED: {
    message: 'The person did not agree to {kind} {name}.',
    hint: 'Do not repeat the call unless the person asks for it.',
    kind: 'caller', http: 403, rpc: -31007, retryable: false,
  },
  SW_RATE_LIMITED: {
    message: 'Too many requests: the {tier} limit is {limit} per {windowSeconds} s.',
    hint: 'Wait {retryAfterSeconds} s.',
    kind: 'caller', http: 429, rpc: -31029, retryable: true,
  },
  SW_SHARED_UNAVAILABLE: {
    message: 'The state that replicas share is not available.',
    hint: 'Try again in a moment. The operator finds the cause in /health/detailed; check shared.url.',
    kind: 'operator', http: 503, rpc: -31059, retryable: true,
  },
  SW_CONCURRENCY_LIMITED: {
    message: 'Too many calls at once: the limit is {limit} per {scope}.',
    hint: 'Wait for running calls to finish.',
    kind: 'caller', http: 429, rpc: -31030, retryable: true,
  },
  SW_OVERLOADED: {
    message: 'The server is over its limits: {reason}.',
    hint: 'Try again in a moment.',
    kind: 'operator', http: 503, rpc: -31053, retryable: true,
  },
  SW_DRAINING: {
    message: 'The server is shutting down.',
    hint: 'Connect again.',
    kind: 'operator', http: 503, rpc: -31054, retryable: true,
  },
  SW_RESULT_TOO_LARGE: {
    message: 'The result is larger than {maxBytes} bytes.',
    hint: 'Ask for less, or ask the operator to raise limits.maxResultBytes.',
    kind: 'caller', http: 200, rpc: -31013, retryable: false,
  },
  SW_DEADLINE_EXCEEDED: {
    message: 'The call took longer than {timeoutMs} ms.',
    hint: 'Ask for less work, or ask the operator to raise limits.callTimeoutMs.',
    kind: 'upstream', http: 504, rpc: -31004, retryable: false,
  },
  SW_CANCELLED: {
    message: 'The call was cancelled.',
    hint: 'Nothing to do.',
    kind: 'caller', http: 499, rpc: -31499, retryable: false,
  },

  // dispatch
  SW_PIN_DRIFT: {
    message: '{kind} {name} is held back: its definition is not the approved one.',
    hint: 'The operator sees the difference with seaworthy pins diff, and decides with seaworthy pins approve or reject.',
    kind: 'caller', http: 403, rpc: -31065, retryable: false,
  },
  SW_PIN_LOCK_INVALID: {
    message: 'The lock file {file} cannot be trusted: {reason}.',
    hint: 'Take the last good version from version control; entries are changed with seaworthy pins, not by hand.',
    kind: 'operator', http: 500, rpc: -31066, retryable: false,
  },
  SW_PIN_UNKNOWN: {
    message: 'Nothing is called {selector}: {reason}.',
    hint: 'Name a provider or provider:item as seaworthy pins list shows them, or use --all.',
    kind: 'operator', http: 404, rpc: -31067, retryable: false,
  },
  SW_TOOL_UNKNOWN: {
    message: 'Unknown tool: {name}.',
    hint: 'Refresh tools/list.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_PROMPT_UNKNOWN: {
    message: 'Unknown prompt: {name}.',
    hint: 'Refresh prompts/list.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_RESOURCE_UNKNOWN: {
    message: 'Resource not found: {uri}.',
    hint: 'Refresh resources/list.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_PROVIDER_UNKNOWN: {
    message: 'No provider is called {provider}.',
    hint: 'Use a name of mcpServers or modules in the configuration.',
    kind: 'caller', http: 404, rpc: -32600, retryable: false,
  },
  SW_ARGUMENTS_INVALID: {
    message: 'The arguments of {name} do not fit its schema: {reason}.',
    hint: 'Compare them with inputSchema of the tool.',
    kind: 'caller', http: 200, rpc: -32602, retryable: false,
  },
  SW_INPUT_UNAVAILABLE: {
    message: 'The server asked for {method}, which this client cannot answer here.',
    hint: 'Use a client that declares the capability and keeps a session or the 2026-07-28 revision.',
    kind: 'caller', http: 200, rpc: -31021, retryable: false,
  },
  SW_INPUT_ROUNDS: {
    message: 'The server asked for input more than {maxRounds} times.',
    hint: 'Start the call again, or look at the tool: it never finishes.',
    kind: 'upstream', http: 200, rpc: -31022, retryable: false,
  },
  SW_BRIDGE_OFF: {
    message: 'Nothing here speaks the {family} family of the protocol, and bridging is switched off.',
    hint: 'Use a client of the other family, or ask the operator to set bridge: true.',
    kind: 'caller', http: 400, rpc: -31058, retryable: false,
  },
  SW_INPUT_DECLINED: {
    message: 'The client declined what the server needs ({method}).',
    hint: 'Start the call again without requestState, and accept.',
    kind: 'caller', http: 200, rpc: -31025, retryable: false,
  },
  SW_PARKED_EXPIRED: {
    message: 'The call has waited for its client longer than {parkedMs} ms.',
    hint: 'Answer sooner, or ask the operator to raise bridge.parkedMs.',
    kind: 'caller', http: 200, rpc: -31024, retryable: false,
  },

  // upstreams
  SW_UPSTREAM_UNAVAILABLE: {
    message: 'Upstream {provider} is not available: {reason}.',
    hint: 'Nothing was executed. `seaworthy doctor` shows its state.',
    kind: 'upstream', http: 502, rpc: -31050, retryable: true,
  },
  SW_UPSTREAM_LOST: {
    message: 'The connection to upstream {provider} was lost during the call: {reason}.',
    hint: 'The call may have been executed. Repeat it only if that is safe.',
    kind: 'upstream', http: 502, rpc: -31051, retryable: false,
  },
  SW_UPSTREAM_PROTOCOL: {
    message: 'Upstream {provider} broke the protocol: {reason}.',
    hint: 'Report it to the author of the server.',
    kind: 'upstream', http: 502, rpc: -31052, retryable: false,
  },
  SW_LISTS_TOO_LARGE: {
    message: 'The lists of upstream {provider} are too large: {reason}.',
    hint: 'The last good lists stay. Offer less there, or raise lists.maxItems or lists.maxBytes.',
    kind: 'upstream', http: 502, rpc: -31060, retryable: false,
  },
  SW_UPSTREAM_REFUSED: {
    message: 'Upstream {provider} refused our credential (HTTP {status}; {credential}).',
    hint: 'Check the headers configured for it.',
    kind: 'operator', http: 502, rpc: -31055, retryable: false,
  },
  SW_UPSTREAM_REDIRECTED: {
    message: 'Upstream {provider} answered with a redirect to {location} (HTTP {status}), which is never followed.',
    hint: 'Set its url to that address, if you trust it.',
    kind: 'operator', http: 502, rpc: -31068, retryable: false,
  },

  // requests of our own to addresses that others chose
  SW_ADDRESS_REFUSED: {
    message: 'The address of {host} is not one that may be reached.',
    hint: 'Use a public address, or ask the operator to allow the network it lies in.',
    kind: 'operator', http: 502, rpc: -31070, retryable: false,
  },
  SW_OUTBOUND_REFUSED: {
    message: 'The request to {url} was not made: {reason}.',
    hint: 'Use an https address that answers without detours.',
    kind: 'operator', http: 502, rpc: -31061, retryable: false,
  },
  SW_OUTBOUND_FAILED: {
    message: 'The request to {url} failed: {reason}.',
    hint: 'Check the address, and that the server there is up.',
    kind: 'upstream', http: 502, rpc: -31062, retryable: true,
  },
  SW_OUTBOUND_TIMEOUT: {
    message: 'The request to {url} took longer than {timeoutMs} ms.',
    hint: 'Check that the server there is up.',
    kind: 'upstream', http: 504, rpc: -31063, retryable: true,
  },
  SW_OUTBOUND_TOO_LARGE: {
    message: 'The answer of {url} is larger than {maxBytes} bytes.',
    hint: 'Check that the address is the right one.',
    kind: 'upstream', http: 502, rpc: -31064, retryable: false,
  },

  // configuration, storage, secrets
  SW_CONFIG_INVALID: {
    message: 'The configuration is not valid: {reason}.',
    hint: 'Run `seaworthy config check`; the schema is printed by `seaworthy config schema`.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_CONFIG_UNREADABLE: {
    message: 'The configuration file {file} cannot be read: {reason}.',
    hint: 'Check the path given with --config.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_IMPORT_UNREADABLE: {
    message: 'The client configuration {file} cannot be read: {reason}.',
    hint: 'Name a file that holds mcpServers (or servers, or context_servers) as JSON.',
    kind: 'operator', http: 400, rpc: -32602, retryable: false,
  },
  SW_FILE_EXISTS: {
    message: '{file} exists already.',
    hint: 'Write somewhere else with --output, or over it with --force.',
    kind: 'operator', http: 400, rpc: -32602, retryable: false,
  },
  SW_FILE_UNREADABLE: {
    message: '{file} cannot be read: {reason}.',
    hint: 'Check the path and its permissions.',
    kind: 'operator', http: 400, rpc: -32602, retryable: false,
  },
  SW_FILE_UNWRITABLE: {
    message: '{file} cannot be written: {reason}.',
    hint: 'Check the folder and its permissions, or choose another with --output.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_SERVER_UNREACHABLE: {
    message: 'No server answers at {url}: {reason}.',
    hint: 'Check the address, and that `seaworthy serve` is running there.',
    kind: 'operator', http: 502, rpc: -31057, retryable: true,
  },
  SW_CALL_REFUSED: {
    message: 'The server answered with error {rpc}: {reason}.',
    hint: '{next}.',
    kind: 'caller', http: 400, rpc: -32602, retryable: false,
  },
  SW_PUBLIC_WITHOUT_AUTH: {
    message: 'Refusing to listen on {host} without an authenticator.',
    hint: 'Keep auth.mode: keys, or bind to 127.0.0.1.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_ADDRESS_IN_USE: {
    message: 'Cannot listen on {host}:{port}: {reason}.',
    hint: 'Stop the other program or set server.port.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_SECRET_UNAVAILABLE: {
    message: 'The secret {reference} cannot be resolved: {reason}.',
    hint: 'Set the variable or create the file that the reference names.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_STORAGE_UNAVAILABLE: {
    message: 'The database is not available: {reason}.',
    hint: 'Check storage.url and that the database is running.',
    kind: 'operator', http: 503, rpc: -31056, retryable: true,
  },
  SW_AUDIT_UNAVAILABLE: {
    message: 'The audit log cannot be written: {reason}.',
    hint: 'Nothing was executed. The operator finds the cause in the log and in /health/detailed.',
    kind: 'operator', http: 503, rpc: -31069, retryable: true,
  },
  SW_STORAGE_MIGRATION: {
    message: 'Migration {migration} failed: {reason}.',
    hint: 'Restore the last backup or report it with the message above.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_STORAGE_TOO_NEW: {
    message: 'The database was written by a newer version (migration {migration} is unknown here).',
    hint: 'Run that version, or restore an older backup.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_MODULE_INVALID: {
    message: 'Module {module} is not valid: {reason}.',
    hint: 'Compare it with defineModule() in the reference.',
    kind: 'operator', http: 500, rpc: -32603, retryable: false,
  },
  SW_MODULE_RESULT: {
    message: 'The result of {name} is not valid: {reason}.',
    hint: 'Report it to the author of the module.',
    kind: 'bug', http: 500, rpc: -32603, retryable: false,
  },
  SW_MODULE_STATE: {
    message: 'Module {module} cannot become {step}: it is {state}.',
    hint: 'Make a new one: a module that has stopped does not start again.',
    kind: 'bug', http: 500, rpc: -32603, retryable: false,
  },
  SW_KEY_UNKNOWN: {
    message: 'No key has the id {id}.',
    hint: 'List them with `seaworthy keys list`.',
    kind: 'operator', http: 404, rpc: -32602, retryable: false,
  },
  SW_KEY_INVALID: {
    message: 'The key cannot be made so: {reason}.',
    hint: 'Correct what is named and make it again.',
    kind: 'operator', http: 400, rpc: -32602, retryable: false,
  },
  SW_USAGE: {
    message: '{reason}',
    hint: 'Run the command with --help.',
    kind: 'operator', http: 400, rpc: -32602, retryable: false,
  },
  SW_INTERNAL: {
    message: 'Internal error.',
    hint: 'Report it with the request id; the log has the cause.',
    kind: 'bug', http: 500, rpc: -32603, retryable: false,
  },
});
