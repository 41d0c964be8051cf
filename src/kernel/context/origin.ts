/** Where a request came in. */
export interface Origin {
  readonly transport: 'http' | 'sse' | 'stdio';
  /** Address of the client; undefined on stdio and where its socket is gone. */
  readonly address: string | undefined;
}
