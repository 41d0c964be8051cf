/** One thing that the built program must do, seen from outside. */
export interface Case {
  /** Stable: `G-01`. */
  readonly id: string;
  readonly states: string;
  /** Rejects when it does not. */
  readonly run: () => Promise<void>;
}
