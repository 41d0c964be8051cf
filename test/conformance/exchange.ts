/** A JSON-RPC message as it is on the wire. */
export type Message = Readonly<Record<string, unknown>>;

/** One HTTP request to an MCP endpoint. */
export interface HttpProbe {
  /** POST unless stated. */
  readonly method?: 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string;
}

/** What came back: every message of the body in order, whether it was JSON or an event stream. */
export interface Answer {
  readonly status: number;
  readonly messages: readonly Message[];
}

/**
 * Sends one request and reads its answer to the end.
 * @param onRequest called with each request of the server while the stream is still open.
 */
export async function exchange(
  url: string,
  { method = 'POST', headers, body }: HttpProbe,
  onRequest: (request: Message) => Promise<unknown> = async () => undefined,
): Promise<Answer & { readonly headers: Headers }> {
  const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const response = await fetch(url, {
    method,
    headers: { ...accept, ...headers },
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(15_000),
  });
  const messages: Message[] = [];
  for await (const message of messagesOf(response)) {
    messages.push(message);
    if ('method' in message && 'id' in message) await onRequest(message);
  }
  return { status: response.status, messages, headers: response.headers };
}

async function* messagesOf(response: Response): AsyncGenerator<Message> {
  if (!response.headers.get('content-type')?.includes('text/event-stream')) {
    const text = await response.text();
    if (text !== '') yield parse(text);
    return;
  }
  let unread = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    unread += chunk;
    const events = unread.split(/\r?\n\r?\n/);
    unread = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
      // The event that opens a resumable stream has empty data.
      if (data.join('') !== '') yield parse(data.join('\n'));
    }
  }
}

function parse(text: string): Message {
  try {
    return JSON.parse(text) as Message;
  } catch {
    return { notJson: text };
  }
}
