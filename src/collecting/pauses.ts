/** Pauses in work that takes long: what is in memory is gone through without one, and clients would have to wait. */
import { setImmediate as turn } from 'node:timers/promises';
import { SURVEY_STRETCH_MS } from '../limits.work.ts';

/** The pauses of one piece of work. */
export class Pauses {
  #since = performance.now();

  /** Lets all else that is to be done go on, if this has gone on for long. */
  async take(): Promise<void> {
    if (performance.now() - this.#since < SURVEY_STRETCH_MS) return;
    await turn();
    this.#since = performance.now();
  }
}
