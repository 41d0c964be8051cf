import { Agent, request as httpRequest } from 'node:http';
import { idPlaceholder } from '../load/index.js';
import type { CallPlan } from '../harness/mcp.js';

/** How one call ended. `error` is an answer too: typed, with the call's own id. */
export type Outcome = 'result' | 'error' | 'wrong' | 'lost' | 'hung';

export interface Ended {
  readonly stream: string;
  readonly outcome: Outcome;
  readonly detail: string;
  /** `performance.now()` when the request was written. */
  readonly sentAt: number;
}

/** A kind of call and how many workers repeat it. */
export interface Stream {
  readonly name: string;
  readonly plan: CallPlan;
  readonly workers: number;
}

const hungMs = 20_000;

interface Answer {
  readonly id?: unknown;
  readonly result?: { readonly isError?: boolean };
  readonly error?: { readonly code?: number; readonly message?: string };
}

/** The message that answers the request; undefined when the body holds none. */
function answerIn(body: string, id: number): Answer | undefined {
  const texts = body.startsWith('{')
    ? [body]
    : body.split(/\r?\n/).flatMap((line) => /^data: ?(\{.*)/.exec(line)?.[1] ?? []);
  return texts.map((text) => JSON.parse(text) as Answer).find((message) => message.id === id);
}

function judge(status: number, body: string, id: number): Pick<Ended, 'outcome' | 'detail'> {
  let answer: Answer | undefined;
  try {
    answer = answerIn(body, id);
  } catch (error) {
    return { outcome: 'wrong', detail: `${String(error)}: ${body.slice(0, 200)}` };
  }
  const code = answer?.error?.code;
  if (code !== undefined) return { outcome: 'error', detail: `${String(code)} ${answer?.error?.message ?? ''}` };
  if (answer?.result === undefined)
    return { outcome: 'wrong', detail: `status ${String(status)} ${body.slice(0, 200)}` };
  return answer.result.isError === true
    ? { outcome: 'error', detail: body.slice(0, 200) }
    : { outcome: 'result', detail: '' };
}

/**
 * Steady calls on keep-alive connections that go on whatever happens to the server. Unlike the load generator it
 * expects trouble and sorts it.
 */
export class Traffic {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #ended: Ended[] = [];
  readonly #workers: Promise<void>[] = [];
  #running = true;
  #nextId = idPlaceholder;

  readonly #paceMs: number;

  /** @param paceMs - pause of each worker between two calls: long runs keep every outcome in memory */
  constructor(streams: readonly Stream[], paceMs = 0) {
    this.#paceMs = paceMs;
    for (const stream of streams) {
      for (let worker = 0; worker < stream.workers; worker += 1) this.#workers.push(this.#work(stream));
    }
  }

  /** What has become of the calls so far. */
  get ended(): readonly Ended[] {
    return this.#ended;
  }

  /** Lets the calls on their way end and returns what became of all. */
  async stop(): Promise<readonly Ended[]> {
    this.#running = false;
    await Promise.all(this.#workers);
    this.#agent.destroy();
    return this.#ended;
  }

  async #work({ name, plan }: Stream): Promise<void> {
    while (this.#running) {
      const sentAt = performance.now();
      const outcome = await this.#call(plan);
      this.#ended.push({ stream: name, sentAt, ...outcome });
      // A refused connection fails at once; do not spin on it.
      const pauseMs = outcome.outcome === 'lost' ? 50 : this.#paceMs;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #call(plan: CallPlan): Promise<Pick<Ended, 'outcome' | 'detail'>> {
    this.#nextId += 1;
    const id = this.#nextId;
    const body = plan.body.replace(String(idPlaceholder), String(id));
    return new Promise((resolve) => {
      const sent = httpRequest(
        {
          host: plan.host,
          port: plan.port,
          path: plan.path,
          method: 'POST',
          headers: plan.headers,
          agent: this.#agent,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            resolve(judge(response.statusCode ?? 0, text, id));
          });
          response.on('error', (error) => {
            resolve({ outcome: 'lost', detail: error.message });
          });
        },
      );
      sent.setTimeout(hungMs, () => {
        resolve({ outcome: 'hung', detail: `no answer in ${String(hungMs)} ms` });
        sent.destroy();
      });
      sent.on('error', (error) => {
        resolve({ outcome: 'lost', detail: error.message });
      });
      sent.end(body);
    });
  }
}

/** `result 120, error 3`, and one example of each outcome that is not a result. */
export function summary(ended: readonly Ended[]): string {
  const counts = new Map<Outcome, { count: number; example: string }>();
  for (const { outcome, detail } of ended) {
    const known = counts.get(outcome);
    counts.set(outcome, { count: (known?.count ?? 0) + 1, example: known?.example ?? detail });
  }
  return [...counts]
    .map(([outcome, { count, example }]) => `${outcome} ${String(count)}${example === '' ? '' : ` (${example})`}`)
    .join(', ');
}
