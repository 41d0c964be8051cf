const buckets = 1_000_000;

/** Latencies in buckets of one microsecond up to one second; what is slower counts in the last bucket. */
export class Histogram {
  readonly #counts = new Uint32Array(buckets);
  #total = 0;
  #max = 0;

  record(milliseconds: number): void {
    const micros = Math.round(milliseconds * 1000);
    const bucket = micros < buckets ? micros : buckets - 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  /** Milliseconds below which the given share (0 to 1) of the records lies; 0 when there is none. */
  quantile(share: number): number {
    const wanted = Math.ceil(this.#total * share);
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted && seen > 0) return bucket / 1000;
    }
    return 0;
  }

  get max(): number {
    return this.#max;
  }
}
