// A client: connects to a gateway with a key, lists its tools, calls one.
// Run it: SEAWORTHY_KEY=swk_… npx tsx examples/client.ts http://127.0.0.1:53000/mcp example__add '{"a":19,"b":23}'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url = 'http://127.0.0.1:53000/mcp', name = 'example__add', args = '{"a":19,"b":23}'] = process.argv.slice(2);

const client = new Client({ name: 'my-client', version: '1.0.0' });
const headers = { authorization: `Bearer ${process.env.SEAWORTHY_KEY ?? ''}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const { tools } = await client.listTools();
console.log(tools.map((tool) => tool.name).join(' '));

const { content } = await client.callTool({ name, arguments: JSON.parse(args) as Record<string, unknown> });
for (const block of content) if (block.type === 'text') console.log(block.text);

await client.close();
