/** The store's latest revision, asked once for all reads that wait in the same turn. */
import type { Revision } from '../store.ts';

/**
 * Shares questions: whoever asks is answered by a question that was put after that. While one is under way the next
 * gathers all who come, so that the number of calls does not grow with that of the reads.
 */
export class Barrier {
  readonly #ask: () => Promise<Revision>;
  #next: Promise<Revision> | undefined;
  /** How many wait for the next question. */
  #waiting = 0;
  #running: Promise<unknown> | undefined;

  /** @param ask is one linearizable call. */
  constructor(ask: () => Promise<Revision>) {
    this.#ask = ask;
  }

  /** The revision of the latest commit; every commit that was acknowledged before is in it. Rejects as `ask`. */
  pass(): Promise<Revision> {
    this.#waiting += 1;
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<Revision> {
    await this.#running;
    // All requests that this turn of the event loop brings join, and as long as there are more of them, those of the next.
    for (let turn = 0, before = -1; turn < MOST_TURNS && this.#waiting > before; turn++) {
      before = this.#waiting;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const answer = this.#ask();
    this.#next = undefined;
    this.#waiting = 0;
    this.#running = answer.catch(() => undefined);
    return answer;
  }
}

/** Turns of the event loop that a question waits for company; each takes as long as the work that it brings. */
const MOST_TURNS = 4;
