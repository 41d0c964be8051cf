import type { HttpAnswer } from '../transport/index.js';
import { byteLengthOf, type Pieces } from './encode.js';

/** What a stream keeps for a client that comes back. */
export interface ReplayLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

interface Kept {
  readonly sequence: number;
  readonly pieces: Pieces;
  readonly bytes: number;
}

/**
 * One stream of a legacy session: events with ids that can be replayed after a reconnect (2025-11-25, transports:
 * resumability). Detached, it keeps the newest events within its limits.
 *
 *   detached --attach--> attached --client gone, suspend--> detached --finish--> finished (kept for a while)
 */
export class ResumableStream {
  readonly id: number;
  readonly #limits: ReplayLimits;
  #kept: Kept[] = [];
  #keptBytes = 0;
  #nextSequence = 1;
  #answer: HttpAnswer | undefined;
  #finished = false;

  constructor(id: number, limits: ReplayLimits) {
    this.id = id;
    this.#limits = limits;
  }

  get finished(): boolean {
    return this.#finished;
  }
  get attached(): boolean {
    return this.#answer?.state === 'streaming';
  }
  /** Where a client that saw nothing would resume. */
  get primingId(): string {
    return `${this.id}_0`;
  }

  send(pieces: Pieces): void {
    const bytes = byteLengthOf(pieces);
    const kept = { sequence: this.#nextSequence++, pieces, bytes };
    this.#kept.push(kept);
    this.#keptBytes += bytes;
    while (
      this.#kept.length > this.#limits.maxEvents ||
      (this.#keptBytes > this.#limits.maxBytes && this.#kept.length > 1)
    ) {
      this.#keptBytes -= this.#kept[0]?.bytes ?? 0;
      this.#kept.shift();
    }
    this.#answer?.event(pieces, `${this.id}_${kept.sequence}`);
  }

  /** Gives the stream a connection: replays what came after `sequence`, and ends it if there is nothing more. */
  attach(answer: HttpAnswer, sequence: number): void {
    if (this.#answer !== answer) this.#answer?.end();
    this.#answer = answer;
    for (const kept of this.#kept)
      if (kept.sequence > sequence) answer.event(kept.pieces, `${this.id}_${kept.sequence}`);
    if (this.#finished) answer.end();
  }

  detach(answer: HttpAnswer): void {
    if (this.#answer === answer) this.#answer = undefined;
  }

  /** Ends the connection, not the stream: the client comes back after `retryMs`. */
  suspend(retryMs: number): void {
    this.#answer?.retry(retryMs);
    this.#answer?.end();
    this.#answer = undefined;
  }

  /** No more events: ends the connection if there is one. */
  finish(): void {
    this.#finished = true;
    this.#answer?.end();
    this.#answer = undefined;
  }
}

/** Reads an event id; undefined where it is none of ours. */
export function parseEventId(id: string): { stream: number; sequence: number } | undefined {
  const match = /^(\d{1,9})_(\d{1,9})$/.exec(id);
  return match ? { stream: Number(match[1]), sequence: Number(match[2]) } : undefined;
}
