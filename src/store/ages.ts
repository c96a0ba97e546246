/** How old revisions are, as far as a process has seen them grow old. */
import type { Revision } from './store.ts';

/** Remembers which revision was the latest at which time. */
export class Ages {
  readonly #keepMs: number;
  readonly #samples: { readonly time: number; readonly revision: Revision }[] = [];

  /** @param keepMs milliseconds for which the past stays readable. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Milliseconds between two notes: often enough to forget in time, and no longer than a timer can wait. */
  get everyMs(): number {
    return Math.min(Math.max(this.#keepMs / 20, 10), 2 ** 31 - 1);
  }

  /**
   * Notes the latest revision, and returns the one up to which all that was overwritten is older than the time to keep;
   * undefined if nothing new is.
   */
  note(now: number, revision: Revision): Revision | undefined {
    if (this.#samples.at(-1)?.revision !== revision) this.#samples.push({ time: now, revision });
    const young = this.#samples.findIndex((sample) => sample.time > now - this.#keepMs);
    const old = young < 0 ? this.#samples.length : young;
    return this.#samples.splice(0, old).at(-1)?.revision;
  }
}
