import { eventually } from '../../support/eventually.js';
import { outcome, refused, told, type Plays, type Stage } from './play.js';

/** Calls, connections, servers and sessions that end before they should. */
export const endings: Plays<
  | 'cancellation'
  | 'disconnect during a call'
  | 'resume with Last-Event-ID'
  | 'server dies during a call'
  | 'end of the session'
> = {
  cancellation: async (stage) => {
    const id = heldId('cancelled', stage);
    const stop = new AbortController();
    let answer: string | undefined;
    const call = outcome(
      stage.client.sdk.callTool({ name: 'hold', arguments: { id, ms: 10_000 } }, { signal: stop.signal }),
      told,
    ).then((settled) => (answer = settled));
    await eventually(async () => answer !== undefined || (await stage.rig.journal()).includes(`started ${id}`), 10_000);
    if (answer !== undefined) return `answered before it was cancelled: ${answer}`;
    stop.abort('enough');
    await call;
    return noticed(stage, `cancelled ${id}`);
  },
  'disconnect during a call': async (stage) => {
    const id = heldId('disconnected', stage);
    const call = { name: 'hold', arguments: { id, ms: 500 } };
    const abandoned = stage.client.abandonable('tools/call', call);
    if (abandoned) {
      await noticed(stage, `started ${id}`);
      abandoned.drop();
    } else {
      const own = await stage.another();
      const answer = own.sdk.callTool(call);
      await noticed(stage, `started ${id}`);
      await own.close();
      await outcome(answer, told);
    }
    return noticed(stage, `cancelled ${id}`, `finished ${id}`);
  },
  'resume with Last-Event-ID': async (stage) => {
    const { client } = stage;
    const id = heldId('resumed', stage);
    const wire = client.wire('tools/call', { name: 'hold', arguments: { id, ms: 500 } });
    if (!client.http || !wire) return 'no streams';
    const lost = await client.http.open(wire);
    const lastId = client.family === 'legacy' ? (await lost.until((event) => event.id !== undefined)).id : 'any';
    await noticed(stage, `started ${id}`);
    lost.drop();
    const { body: _body, ...get } = wire;
    const resumed = await client.http.open({
      ...get,
      method: 'GET',
      headers: { ...wire.headers, accept: 'text/event-stream', 'last-event-id': lastId },
    });
    if (resumed.status !== 200) {
      resumed.drop();
      return String(resumed.status);
    }
    const { result } = await resumed.message((message) => message.result !== undefined);
    return told(result ?? {}).replace(id, 'it');
  },
  'server dies during a call': async (stage) => {
    const { sdk } = stage.client;
    const { message } = await stage.client.raw('tools/call', { name: 'die', arguments: {} });
    const answer = message?.error ? refused(message.error) : told(message?.result ?? {});
    let later = '';
    await eventually(async () => {
      later = await outcome(sdk.callTool({ name: 'test_simple_text' }), told);
      return later.startsWith('text');
    }, 15_000);
    return `${answer}; later ${later}`;
  },
  'end of the session': async (stage) => {
    const { client } = stage;
    const wire = client.wire('tools/list');
    if (!client.http || !wire) {
      const own = await stage.another();
      await own.close();
      await eventually(() => !isRunning(own.pid), 10_000);
      return 'the process has ended';
    }
    const { body: _body, ...rest } = wire;
    const ended = await client.http.send({ ...rest, method: 'DELETE' });
    const after = await client.http.send(wire);
    return `DELETE ${ended.status}, then ${after.status}`;
  },
};

function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH: there is no such process.
    return false;
  }
}

let held = 0;
const heldId = (purpose: string, { client, transport }: Stage) => `${purpose}-${client.family}-${transport}-${held++}`;

/** Waits until the server has written one of the lines, and tells which, without the id. */
async function noticed({ rig }: Stage, ...lines: string[]): Promise<string> {
  let seen: string | undefined;
  await eventually(async () => {
    const journal = await rig.journal();
    seen = lines.find((line) => journal.includes(line));
    return seen !== undefined;
  }, 10_000);
  return `the server ${seen?.split(' ')[0]} it`;
}
