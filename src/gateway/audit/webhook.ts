import { createHmac } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import { guardedRequest } from '#kernel/http/index.js';
import type { Secret } from '#kernel/secrets/index.js';
import type { ChainedRecord } from './chain.js';
import type { Sink } from './forwarder.js';

export interface WebhookOptions {
  readonly url: string;
  /** Signs every request. */
  readonly secret: Secret;
  /** Records in one request. */
  readonly maxBatch: number;
  readonly timeoutMs: number;
  /** `public`: https to public addresses only. */
  readonly network: 'public' | 'any';
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Posts records in batches, one JSON object a line (`application/x-ndjson`). Each request carries
 * `seaworthy-signature: t=<seconds>,v1=<hex>`, the HMAC-SHA-256 over `<seconds>.<body>`, and `seaworthy-delivery`, which
 * is the same when a batch is sent again. Any answer but 2xx means again.
 */
export function webhookSink({ url, secret, maxBatch, timeoutMs, network, now }: WebhookOptions): Sink {
  return {
    name: 'webhook',
    maxBatch,
    async send(records) {
      const body = records.map(({ text }) => `${text}\n`).join('');
      const seconds = Math.floor(now() / 1000);
      const signature = createHmac('sha256', secret.reveal()).update(`${seconds}.${body}`).digest('hex');
      const headers = {
        'content-type': 'application/x-ndjson',
        'seaworthy-signature': `t=${seconds},v1=${signature}`,
        'seaworthy-delivery': deliveryOf(records),
      };
      const { status } = await guardedRequest(url, { method: 'POST', headers, body, timeoutMs, allow: network });
      if (status < 200 || status > 299)
        throw fail('SW_AUDIT_UNAVAILABLE', { reason: `the webhook answered ${status}` });
    },
    close: async () => {},
  };
}

/** Names a batch by its place in the chain. */
function deliveryOf(records: readonly ChainedRecord[]): string {
  const [first, last] = [records[0], records.at(-1)];
  return `${first?.chain ?? ''}:${first?.seq ?? 0}-${last?.seq ?? 0}`;
}
