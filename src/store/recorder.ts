/** A listener for tests: it remembers what a watch says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Revision, Store, StoreError, StoreEvent, Watch, WatchListener } from './store.ts';

/** Keeps what a watch says, for tests, and lets them wait for it. */
export class Recorder implements WatchListener {
  readonly batches: Batch[] = [];
  /** Called with each batch, after it was recorded. */
  react: (batch: Batch) => void = () => undefined;
  /** How often `ended` was called, and with what the last time. */
  endings = 0;
  error: StoreError | undefined;
  readonly watch: Watch;

  constructor(store: Store, prefix: string, after: Revision) {
    let began = false;
    const listener = this.#guard(() => began);
    this.watch = store.watch(prefix, after, listener);
    began = true;
  }

  /** All events so far. */
  get events(): StoreEvent[] {
    return this.batches.flatMap((batch) => batch.events);
  }

  batch(batch: Batch): void {
    if (this.endings > 0) throw new Error('a batch after the end');
    this.batches.push(batch);
    this.react(batch);
  }

  ended(error: StoreError | undefined): void {
    this.endings += 1;
    this.error = error;
  }

  /** Resolves when everything up to the revision was told. */
  async reached(revision: Revision): Promise<void> {
    await patiently(() => this.watch.delivered >= revision || this.endings > 0, `revision ${revision}`);
  }

  /** Resolves when the watch has ended. */
  async over(): Promise<void> {
    await patiently(() => this.endings > 0, 'the end of the watch');
  }

  /** A store must not call back before it has handed out the watch. */
  #guard(began: () => boolean): WatchListener {
    const checked = (call: () => void): void => {
      if (!began()) throw new Error('called back inside watch()');
      call();
    };
    return {
      batch: (batch) => checked(() => this.batch(batch)),
      ended: (error) => checked(() => this.ended(error)),
    };
  }
}

/** Milliseconds after which a test is stuck: without an end it would keep the run from ending. */
const STUCK_MS = 10_000;

async function patiently(done: () => boolean, what: string): Promise<void> {
  for (const until = performance.now() + STUCK_MS; !done(); ) {
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await sleep(1);
  }
}
