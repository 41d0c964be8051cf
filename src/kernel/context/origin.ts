/** Where a request came in. */
export interface Origin {
  readonly transport: 'http' | 'sse' | 'stdio';
  /** Address of the client, behind the proxies that are trusted; undefined on stdio and where its socket is gone. */
  readonly address: string | undefined;
  /** Names one HTTP request in its answer, the log and the audit log. */
  readonly requestId?: string;
}
