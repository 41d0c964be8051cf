import type { Expectation } from './job.js';

/** The head of an HTTP answer, as far as its framing goes. */
export interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly end: number;
  /** Body bytes; undefined when the body is chunked. */
  readonly length: number | undefined;
  readonly eventStream: boolean;
}

/** Reads status line and headers; undefined while the head is incomplete. */
export function parseHead(bytes: Buffer): Head | undefined {
  const separator = bytes.indexOf('\r\n\r\n');
  if (separator === -1) return undefined;
  const text = bytes.toString('latin1', 0, separator).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/.exec(text)?.[1];
  return {
    status: Number(text.slice(9, 12)),
    end: separator + 4,
    length: length === undefined ? undefined : Number(length),
    eventStream: text.includes('\r\ncontent-type: text/event-stream'),
  };
}

/** The body without its chunk framing. */
function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd === -1 ? 0 : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

interface Answer {
  readonly id?: number;
  readonly error?: unknown;
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text?: string }[];
    readonly tools?: readonly unknown[];
  };
}

/** All messages of an event stream's body. */
function eventMessages(body: string): Answer[] {
  return body
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as Answer);
}

/** Parses a complete answer and says what is wrong with it; undefined when nothing is. */
export function faultOf(bytes: Buffer, head: Head, id: number, expect: Expectation): string | undefined {
  const raw = bytes.subarray(head.end);
  const body = (head.length === undefined ? dechunk(raw) : raw).toString('utf8');
  if (head.status !== 200) return `status ${String(head.status)}: ${body.slice(0, 300)}`;
  let answer: Answer | undefined;
  try {
    answer = head.eventStream ? eventMessages(body).find((message) => message.id === id) : (JSON.parse(body) as Answer);
  } catch (error) {
    return `body is not JSON (${String(error)}): ${body.slice(0, 200)}`;
  }
  if (answer?.id !== id) return `expected id ${String(id)}: ${body.slice(0, 200)}`;
  if (answer.result === undefined || answer.result.isError === true) return `no result: ${body.slice(0, 300)}`;
  const seen = expect.kind === 'text' ? answer.result.content?.[0]?.text?.length : answer.result.tools?.length;
  const wanted = expect.kind === 'text' ? expect.length : expect.count;
  return seen === wanted ? undefined : `expected ${expect.kind} ${String(wanted)}, got ${String(seen)}`;
}
