// Lean upstream over stdio. `--tools N` sets how many tools it lists; `--mark TEXT` is for whoever looks for the process.
import { parseArgs } from 'node:util';
import { answer, leanTools } from './lean-server.js';

const { values } = parseArgs({ options: { tools: { type: 'string', default: '1' }, mark: { type: 'string' } } });
const tools = leanTools(Number(values.tools));
let rest = '';

process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  // One write for all answers of a chunk: under load a pipe write costs more than the answer.
  let out = '';
  for (const line of lines) {
    const reply = line === '' ? undefined : answer(line, tools);
    if (reply !== undefined) out += `${reply.json}\n`;
  }
  if (out !== '') process.stdout.write(out);
});
process.stdin.on('end', () => {
  process.exit(0);
});
