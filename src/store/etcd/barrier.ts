/** The store's latest revision, asked once for all reads that wait in the same turn. */
import type { Revision } from '../store.ts';

/**
 * Shares questions: whoever asks is answered by a question that was put after that. While one is under way the next
 * gathers all who come, so that the number of calls does not grow with that of the reads.
 */
export class Barrier {
  readonly #ask: () => Promise<Revision>;
  #next: Promise<Revision> | undefined;
  #running: Promise<unknown> | undefined;

  /** @param ask is one linearizable call. */
  constructor(ask: () => Promise<Revision>) {
    this.#ask = ask;
  }

  /** The revision of the latest commit; every commit that was acknowledged before is in it. Rejects as `ask`. */
  pass(): Promise<Revision> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<Revision> {
    await this.#running;
    // All requests that this turn of the event loop brings join.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const answer = this.#ask();
    this.#next = undefined;
    this.#running = answer.catch(() => undefined);
    return answer;
  }
}
