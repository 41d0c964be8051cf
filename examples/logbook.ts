// A module with a life: it opens a file at the start, tells subscribers of new entries, and closes the file at the end.
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { defineErrors, defineModule, field, resource, tool } from 'seaworthy/module';
import { z } from 'zod';

// A failure that callers may branch on has a code that never changes, and a way out.
const full = { message: 'The log is full.', hint: 'Ask the operator to raise modules.logbook.maxBytes.' };
const fail = defineErrors({ SW_LOGBOOK_FULL: { ...full, kind: 'operator', http: 409, rpc: -32602, retryable: false } });

const doc = 'Keeps a log that only grows.';
const maxBytes = field.int({ doc: 'Size of the log.', default: 1_000_000, min: 1, unit: 'bytes' });
const uri = 'logbook:///entries';

export default defineModule({
  id: 'logbook',
  doc,
  config: field.section({ maxBytes }, doc),
  scopes: { 'logbook:write': 'Write into the log' },
  provision(context, config) {
    const path = join(context.dataDir, 'log.txt');
    let file: FileHandle;
    const write = tool({
      name: 'write',
      description: 'Writes one line into the log.',
      input: z.object({ text: z.string().min(1).max(500).describe('One line') }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
      scopes: ['logbook:write'],
      // The user is asked before `run`; a client that cannot ask may not call.
      confirm: ({ text }) => `Write "${text}" into the log?`,
      async run({ text }, { principal }) {
        if ((await file.stat()).size >= config.maxBytes) throw fail('SW_LOGBOOK_FULL');
        await file.appendFile(`${principal.name}: ${text}\n`);
        context.updated(uri);
        return 'Written.';
      },
    });
    const entries = resource({ uri, name: 'entries', description: doc, read: () => readFile(path, 'utf8') });
    // Nothing before `start` has an effect; what it acquires is released at the stop, and when it fails half-way.
    const start = async () => {
      await mkdir(context.dataDir, { recursive: true });
      file = await open(path, 'a');
      context.onStop(() => file.close());
    };
    return { tools: [write], resources: [entries], start };
  },
});
