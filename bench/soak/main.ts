// npm run soak [-- MODE] [--json FILE]; modes: visits (default, --seconds N), cycles [N], kills (--minutes N).
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../harness/seaworthy.js';
import { writeChecks } from './checks.js';
import { cycles } from './cycles.js';
import { kills } from './kills.js';
import { visits } from './visits.js';

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
  allowPositionals: true,
});
const [mode = 'visits', count = '1000'] = positionals;

ensureBuilt();
if (mode === 'visits') await visits(Number(values.seconds));
else if (mode === 'cycles') await cycles(Number(count));
else if (mode === 'kills') await kills(Number(values.minutes));
else throw new Error(`no mode is called ${mode}; there are: visits, cycles, kills`);
if (values.json !== undefined) writeChecks(values.json, mode);
