import type { Principal } from '#kernel/context/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { AuditWriter, ChainSource } from '#gateway/audit/index.js';
import type { KeyStore } from '#gateway/auth/index.js';
import type { Catalog } from '#gateway/catalog/index.js';
import type { Handler } from '#protocol/server/index.js';

/** What the REST interface works with; the same parts that serve MCP. */
export interface ApiServices {
  /** Credentials and rates: the same as those of calls. */
  readonly handler: Pick<Handler, 'enter' | 'authenticate' | 'admit'>;
  /** The policy's answer to `admin:{subject}`, such as `keys/write`. */
  readonly admits: (principal: Principal, subject: string) => boolean;
  readonly keys: KeyStore;
  readonly catalog: Catalog;
  readonly audit: AuditWriter;
  readonly auditSources: () => Promise<readonly ChainSource[]>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}
