import { exchange, type Answer, type HttpProbe, type Message } from './exchange.js';

/** A question that must get the same answer from the upstream and through the gateway. */
export interface Probe {
  readonly name: string;
  ask(url: string): Promise<Answer>;
}

/** A field that may differ, and why that is right. */
export interface Allowance {
  /** Probes by name. */
  readonly probes: RegExp;
  /** Path from the message: a list, or dots between members. Its presence may differ too when `optional`. */
  readonly field: string | readonly string[];
  readonly optional?: boolean;
  /** Only where the families are crossed in this direction. */
  readonly crossing?: Crossing;
  readonly reason: string;
}

/** From a client of the one family to a server that speaks only the other. */
export type Crossing = 'to modern' | 'to legacy';

/**
 * Everything that may differ. Probes named `edge` are refused by the gateway before the upstream sees them: status and
 * code are fixed, the words are its own.
 */
export const allowances: readonly Allowance[] = [
  {
    probes: /edge: /,
    field: 'error.message',
    reason: 'free text',
  },
  {
    probes: /edge: (?!unsupported version)/,
    field: 'error.data',
    optional: true,
    reason: 'holds the error code of the gateway, a hint and the id of the request; the SDK has other details or none',
  },
  ...['code', 'hint', 'requestId'].map((member) => ({
    probes: /edge: unsupported version/,
    field: `error.data.${member}`,
    optional: true,
    reason: 'added to what the specification demands here, which is compared',
  })),
  ...['content', '_meta'].map((member) => ({
    probes: /edge: tools\/call with invalid arguments/,
    field: `result.${member}`,
    reason: 'a tool error by specification, in the words and under the name of who validated',
  })),
  {
    probes: /^legacy resources\/read of an unknown URI/,
    field: 'error.code',
    reason: 'the older revisions name -32002 for it; the SDK answers with the code of the newest to all of them',
  },
  {
    probes: /^legacy session: /,
    field: 'error',
    reason: 'the specification fixes the status of a dead session, not a body',
  },
  {
    probes: /^(legacy session: |edge: not JSON)/,
    field: 'id',
    optional: true,
    reason: 'an answer to a message that was not read has the id null or none',
  },
  {
    crossing: 'to legacy',
    probes: /^(?!discover)/,
    field: ['result', '_meta'],
    optional: true,
    reason: 'results of an older server do not name it; the gateway names itself where there is nothing else',
  },
  {
    crossing: 'to legacy',
    probes: /^(discover|.*\/list)$/,
    field: 'result.ttlMs',
    reason: 'older servers say nothing about it: the gateway says how long it keeps a list',
  },
  ...['message', 'data'].map((member): Allowance => ({
    crossing: 'to legacy',
    probes: /^tampered state$/,
    field: `error.${member}`,
    reason: 'the state is sealed by the gateway',
  })),
  {
    crossing: 'to legacy',
    probes: /^tools\/call without the capability$/,
    field: 'error.message',
    reason: 'the gateway knows what a client declared; the words are its own',
  },
  ...['code', 'hint', 'requestId'].map((member): Allowance => ({
    crossing: 'to legacy',
    probes: /^tools\/call without the capability$/,
    field: `error.data.${member}`,
    optional: true,
    reason: 'added to what the specification demands here, which is compared',
  })),
  {
    crossing: 'to modern',
    probes: /that asks the/,
    field: 'params._meta',
    optional: true,
    reason: 'a question in a result has no progress token',
  },
  {
    probes: /./,
    field: 'result.requestState',
    reason: 'the fixture seals the time of expiry into it',
  },
];

const revision = '2026-07-28';
const meta = (capabilities: object = {}) => ({
  'io.modelcontextprotocol/protocolVersion': revision,
  'io.modelcontextprotocol/clientInfo': { name: 'body-equality', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': capabilities,
});

interface ModernOptions {
  /** Replace or, when undefined, remove a header. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly capabilities?: object;
  /** Members beside the envelope. */
  readonly meta?: object;
}

/** A complete request of revision 2026-07-28, with the headers that mirror it. */
function modernRequest(method: string, params: Message = {}, options: ModernOptions = {}): HttpProbe {
  const target = params.name ?? params.uri;
  const headers = {
    'mcp-protocol-version': revision,
    'mcp-method': method,
    ...(typeof target === 'string' && { 'mcp-name': target }),
    ...options.headers,
  };
  const sent = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const body = { ...params, _meta: { ...meta(options.capabilities), ...options.meta } };
  return {
    headers: Object.fromEntries(sent),
    body: JSON.stringify({ jsonrpc: '2.0', id: 'probe', method, params: body }),
  };
}

function modern(name: string, ...request: Parameters<typeof modernRequest>): Probe {
  return { name, ask: (url) => exchange(url, modernRequest(...request)) };
}

const call = (name: string, args: object = {}, more: object = {}) => ({ name, arguments: args, ...more });

/** Asks, answers the question, and shows the second answer. */
function answered(name: string, tool: string, inputResponses: object, tamper = ''): Probe {
  const capabilities = { elicitation: {}, sampling: {}, roots: {} };
  return {
    name,
    async ask(url) {
      const first = await exchange(url, modernRequest('tools/call', call(tool), { capabilities }));
      const { requestState, inputRequests = {} } = (first.messages.at(-1)?.result ?? {}) as {
        requestState?: string;
        inputRequests?: object;
      };
      const state = requestState === undefined ? {} : { requestState: `${requestState}${tamper}` };
      // The key of a question is the server's, or the gateway's where the server has none.
      const [answer] = Object.values(inputResponses) as object[];
      const under = answer ? Object.fromEntries(Object.keys(inputRequests).map((key) => [key, answer])) : {};
      const retry = call(tool, {}, { inputResponses: { ...inputResponses, ...under }, ...state });
      return exchange(url, modernRequest('tools/call', retry, { capabilities }));
    },
  };
}

/** The gateway may cut a list into other pages than the server: all of them are compared, as one. */
function everyPage(name: string, ask: (url: string, cursor: { cursor?: string }) => Promise<Answer>): Probe {
  return {
    name,
    async ask(url) {
      const items: unknown[] = [];
      for (let cursor: { cursor?: string } = {}; ;) {
        const answer = await ask(url, cursor);
        const message = answer.messages.at(-1) ?? {};
        const {
          resourceTemplates = [],
          nextCursor,
          ...rest
        } = (message.result ?? {}) as {
          resourceTemplates?: unknown[];
          nextCursor?: string;
        };
        items.push(...resourceTemplates);
        if (nextCursor === undefined)
          return { ...answer, messages: [{ ...message, result: { ...rest, resourceTemplates: items } }] };
        cursor = { cursor: nextCursor };
      }
    },
  };
}

const modernProbes: readonly Probe[] = [
  modern('discover', 'server/discover'),
  modern('tools/list', 'tools/list'),
  modern('prompts/list', 'prompts/list'),
  modern('resources/list', 'resources/list'),
  everyPage('resources/templates/list', (url, cursor) =>
    exchange(url, modernRequest('resources/templates/list', cursor)),
  ),
  modern('resources/read', 'resources/read', { uri: 'test://static-binary' }),
  modern('resources/read of a template', 'resources/read', { uri: 'test://template/7/data' }),
  modern('resources/read of an unknown URI', 'resources/read', { uri: 'test://nothing' }),
  modern('prompts/get', 'prompts/get', call('test_prompt_with_arguments', { arg1: 'a', arg2: 'ä\u2028"' })),
  modern('edge: prompts/get of an unknown prompt', 'prompts/get', { name: 'no_such_prompt' }),
  modern('completion/complete', 'completion/complete', {
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
    argument: { name: 'arg1', value: 'p' },
  }),
  modern('tools/call', 'tools/call', call('test_multiple_content_types')),
  modern('tools/call without arguments', 'tools/call', { name: 'test_simple_text' }),
  modern('tools/call that fails', 'tools/call', call('test_error_handling')),
  modern('edge: tools/call with invalid arguments', 'tools/call', call('test_sampling', { prompt: 7 })),
  modern('tools/call whose result has unknown members', 'tools/call', call('members'), {
    meta: { 'com.example/sent': { back: [1, 'ä\u2028'] } },
  }),
  modern('prompts/get that fails', 'prompts/get', { name: 'refused_prompt' }),
  modern('tools/call with demanding arguments', 'tools/call', {
    ...call('json_schema_2020_12_tool', { name: '\u0000 ü 🚢 </script>', email: 'a@b', contactMethod: 'email' }),
    futureMember: { kept: [1.5, null, true] },
  }),
  modern('edge: tools/call of an unknown tool', 'tools/call', call('no_such_tool')),
  modern('tools/call with progress', 'tools/call', call('test_tool_with_progress'), {
    meta: { progressToken: 'token-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  }),
  modern('tools/call with a log level', 'tools/call', call('test_logging_tool'), {
    meta: { 'io.modelcontextprotocol/logLevel': 'debug' },
  }),
  modern('tools/call without a log level', 'tools/call', call('test_logging_tool')),
  modern('tools/call without the capability', 'tools/call', call('test_missing_capability')),
  modern('tools/call with a mirrored parameter', 'tools/call', call('test_x_mcp_header', { region: 'Zürich' }), {
    headers: { 'mcp-param-region': `=?base64?${Buffer.from('Zürich').toString('base64')}?=` },
  }),
  modern('input required', 'tools/call', call('test_input_required_result_multiple_inputs'), {
    capabilities: { elicitation: {}, sampling: {}, roots: {} },
  }),
  answered('input answered', 'test_input_required_result_elicitation', {
    user_name: { action: 'accept', content: { name: 'Ada' } },
    stray: { action: 'decline' },
  }),
  answered('sealed input answered', 'test_input_required_result_request_state', {
    confirm: { action: 'accept', content: { ok: true } },
  }),
  answered('tampered state', 'test_input_required_result_tampered_state', {}, '-TAMPERED'),
  modern('edge: unknown method', 'no/such/method'),
  modern('edge: removed method', 'ping'),
  modern('edge: method header disagrees', 'tools/list', {}, { headers: { 'mcp-method': 'prompts/list' } }),
  modern('edge: method header missing', 'tools/list', {}, { headers: { 'mcp-method': undefined } }),
  modern('edge: name header disagrees', 'tools/call', call('test_simple_text'), { headers: { 'mcp-name': 'other' } }),
  modern('edge: version header disagrees', 'tools/list', {}, { headers: { 'mcp-protocol-version': '2027-01-01' } }),
  modern('edge: parameter header missing', 'tools/call', call('test_x_mcp_header', { region: 'eu' })),
  modern('edge: parameter header disagrees', 'tools/call', call('test_x_mcp_header', { region: 'eu' }), {
    headers: { 'mcp-param-region': 'us' },
  }),
  modern(
    'edge: unsupported version',
    'server/discover',
    {},
    {
      headers: { 'mcp-protocol-version': '2099-01-01' },
      meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' },
    },
  ),
  modern('edge: envelope incomplete', 'tools/list', {}, { meta: { 'io.modelcontextprotocol/clientCapabilities': 7 } }),
  {
    name: 'edge: not JSON',
    ask: (url) => exchange(url, { headers: { 'mcp-protocol-version': revision }, body: '{"jsonrpc":' }),
  },
];

const legacyRevision = '2025-11-25';
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: legacyRevision,
    capabilities: { elicitation: {}, sampling: {} },
    clientInfo: { name: 'body-equality', version: '1.0.0' },
  },
});

/** Opens a session and returns the headers of every further request. */
async function openSession(url: string): Promise<Record<string, string>> {
  const { headers } = await exchange(url, { headers: {}, body: initialize });
  const session = { 'mcp-protocol-version': legacyRevision, 'mcp-session-id': headers.get('mcp-session-id') ?? '' };
  const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await exchange(url, { headers: session, body: initialized });
  return session;
}

/** What the client answers to a request of the server. */
const replies: Readonly<Record<string, object>> = {
  'elicitation/create': { action: 'accept', content: { username: 'ada', email: 'ada@example.com' } },
  'sampling/createMessage': { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'probe' },
};

/** Sends requests in one session of revision 2025-11-25 and shows the answer to the last. */
function legacy(name: string, ...requests: readonly (readonly [method: string, params?: object])[]): Probe {
  return {
    name: `legacy ${name}`,
    async ask(url) {
      const headers = await openSession(url);
      let answer: Answer = { status: 0, messages: [] };
      for (const [index, [method, params]] of requests.entries()) {
        const body = JSON.stringify({ jsonrpc: '2.0', id: index + 1, method, params });
        answer = await exchange(url, { headers, body }, async (request) => {
          const result = replies[String(request.method)];
          await exchange(url, { headers, body: JSON.stringify({ jsonrpc: '2.0', id: request.id, result }) });
        });
      }
      await exchange(url, { method: 'DELETE', headers });
      return answer;
    },
  };
}

const legacyProbes: readonly Probe[] = [
  { name: 'legacy initialize', ask: (url) => exchange(url, { headers: {}, body: initialize }) },
  legacy('ping', ['ping']),
  legacy('tools/list', ['tools/list']),
  legacy('prompts/list', ['prompts/list']),
  legacy('resources/list', ['resources/list']),
  everyPage('legacy resources/templates/list', async (url, cursor) => {
    const headers = await openSession(url);
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/templates/list', params: cursor });
    return exchange(url, { headers, body });
  }),
  legacy('resources/read', ['resources/read', { uri: 'test://static-text' }]),
  legacy('resources/read of an unknown URI', ['resources/read', { uri: 'test://nothing' }]),
  legacy('resources/subscribe', ['resources/subscribe', { uri: 'test://watched-resource' }]),
  legacy('prompts/get', ['prompts/get', call('test_prompt_with_arguments', { arg1: 'a', arg2: 'b' })]),
  legacy('prompts/get without its arguments', ['prompts/get', { name: 'test_prompt_with_arguments' }]),
  legacy('logging/setLevel', ['logging/setLevel', { level: 'info' }]),
  legacy('tools/call', ['tools/call', call('test_multiple_content_types')]),
  legacy('tools/call whose result has unknown members', [
    'tools/call',
    call('members', {}, { _meta: { 'com.example/sent': { back: [1, 'ä\u2028'] } } }),
  ]),
  legacy('prompts/get that fails', ['prompts/get', { name: 'refused_prompt' }]),
  legacy('tools/call that fails', ['tools/call', call('test_error_handling')]),
  legacy('edge: tools/call of an unknown tool', ['tools/call', call('no_such_tool')]),
  legacy('tools/call with progress', [
    'tools/call',
    call('test_tool_with_progress', {}, { _meta: { progressToken: 7, 'example.com/kept': [1] } }),
  ]),
  legacy(
    'tools/call with log messages',
    ['logging/setLevel', { level: 'debug' }],
    ['tools/call', call('test_tool_with_logging')],
  ),
  legacy('tools/call that asks the user', ['tools/call', call('test_elicitation', { message: 'Who?' })]),
  legacy('tools/call that asks the model', ['tools/call', call('test_sampling', { prompt: 'Capital?' })]),
  legacy('edge: unknown method', ['no/such/method']),
  {
    name: 'legacy session: unknown',
    ask: (url) =>
      exchange(url, {
        headers: { 'mcp-protocol-version': legacyRevision, 'mcp-session-id': 'no-such-session' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      }),
  },
  {
    name: 'legacy session: ended',
    async ask(url) {
      const headers = await openSession(url);
      await exchange(url, { method: 'DELETE', headers });
      return exchange(url, { headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) });
    },
  },
];

/** Lists, calls, errors, unknown names, questions to the client and refusals, in both protocol families. */
export const probes: readonly Probe[] = [...modernProbes, ...legacyProbes];

/** An answer with whatever may differ replaced by a mark, so that two answers compare by equality. */
export function comparable(probe: Probe, { status, messages }: Answer, crossing?: Crossing): Answer {
  const allowed = allowances.filter(
    ({ probes: names, crossing: only }) => names.test(probe.name) && (only === undefined || only === crossing),
  );
  return {
    status,
    messages: messages.map((message) => {
      const copy = structuredClone(message);
      for (const { field, optional } of allowed)
        mark(copy, typeof field === 'string' ? field.split('.') : field, optional);
      if (crossing === 'to legacy') forgetKeys(copy);
      // The id of an answer is the client's and must be equal; those of a request of the server are the server's.
      if ('method' in copy && 'id' in copy) {
        mark(copy, ['id']);
        mark(copy, ['params', '_meta', 'progressToken']);
      }
      return copy;
    }),
  };
}

/** A question of an older server has no key, so that ours differs; what is asked is compared. */
function forgetKeys(message: Message): void {
  const result = message.result as { inputRequests?: object } | undefined;
  if (result?.inputRequests)
    result.inputRequests = Object.values(result.inputRequests)
      .map((question) => JSON.stringify(question))
      .sort();
}

function mark(value: unknown, [member, ...rest]: readonly string[], optional = false): void {
  if (typeof value !== 'object' || value === null || member === undefined) return;
  const holder = value as Record<string, unknown>;
  if (rest.length > 0) mark(holder[member], rest, optional);
  else if (optional || member in holder) holder[member] = '(may differ)';
}
