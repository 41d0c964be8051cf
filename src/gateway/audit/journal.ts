import type { ChainedRecord, ChainHead } from './chain.js';

/** What a journal found when it was opened. */
export interface Found {
  /** The last record that is there and intact. */
  readonly head: ChainHead | undefined;
  /** What followed the last line break: a process died while it wrote. It has been taken away. */
  readonly cut: { readonly bytes: number; readonly text: string } | undefined;
  /** Why what is there cannot be continued; it has been put aside. */
  readonly damaged: string | undefined;
}

/** Keeps the chain: the first of the sinks, which the others follow. */
export interface Journal {
  readonly name: 'file' | 'database';
  /** Looks where the chain stood, once, before anything is appended. */
  open(chain: string | undefined): Promise<Found>;
  /**
   * Resolves when the records are kept. A rejection means that all of them have to be appended again; what a failed
   * attempt left behind is not seen.
   */
  append(records: readonly ChainedRecord[]): Promise<void>;
  /** True when `rotate` is due. */
  readonly full: boolean;
  rotate(): Promise<void>;
  /** Removes what is older or more than the operator wants to keep; the last record that went, if any went. */
  retain(): Promise<ChainHead | undefined>;
  /** Has everything that was appended on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
