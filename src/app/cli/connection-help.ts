/** Ways to connect that can be pasted as they are. */
export interface ConnectionHelp {
  readonly curl: string;
  readonly mcpJson: string;
  readonly claude: string;
}

/** One call that shows something: the echo tool where it is there, else the list of tools. */
export function connectionHelp(url: string, apiKey: string | undefined, hasExample: boolean): ConnectionHelp {
  const key = apiKey ?? 'YOUR_KEY';
  const method = hasExample ? 'tools/call' : 'tools/list';
  const name = 'example__echo';
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method,
    params: {
      ...(hasExample && { name, arguments: { message: 'ahoy' } }),
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  };
  const headers = [
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    'MCP-Protocol-Version: 2026-07-28',
    `Mcp-Method: ${method}`,
    ...(hasExample ? [`Mcp-Name: ${name}`] : []),
  ];
  return {
    curl: [`curl ${url}`, ...headers.map((header) => `-H '${header}'`), `-d '${JSON.stringify(body)}'`].join(' \\\n  '),
    mcpJson: JSON.stringify(
      { mcpServers: { seaworthy: { type: 'http', url, headers: { Authorization: `Bearer ${key}` } } } },
      undefined,
      2,
    ),
    claude: `claude mcp add --transport http seaworthy ${url} --header "Authorization: Bearer ${key}"`,
  };
}
