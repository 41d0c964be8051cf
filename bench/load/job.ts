/** What the answers of a job must contain; every answer is held to it, one in a hundred by full parsing. */
export type Expectation =
  { readonly kind: 'text'; readonly length: number } | { readonly kind: 'tools'; readonly count: number };

/** The id that stands in a job's body; the generator overwrites its nine digits for each request. */
export const idPlaceholder = 100_000_000;

/** One measurement: the same request, again and again, with a fresh id each time. */
export interface LoadJob {
  readonly host: string;
  readonly port: number;
  /** Request target, path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text that contains `idPlaceholder` once, as the message's id. */
  readonly body: string;
  readonly connections: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  /**
   * Calls per second on a fixed schedule (open loop). Undefined: each connection sends its next request as soon as it
   * has its answer (closed loop).
   */
  readonly rate?: number;
  readonly expect: Expectation;
}

/** What the generator saw between the end of the warm-up and the end of the job. */
export interface LoadResult {
  readonly calls: number;
  readonly seconds: number;
  /** Answers with a wrong status, id, length or content, and connections that were lost. */
  readonly wrong: number;
  /** Description of the first wrong answer. */
  readonly firstWrong?: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Share of its core that the generator itself used, 0 to 1. */
  readonly generatorBusy: number;
}

/** Messages between the bench and the generator process. */
export type GeneratorMessage =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured' }
  | { readonly kind: 'done'; readonly result: LoadResult };
