/** Forgets the past when it is old, by one process at a time. */
import { hostname } from 'node:os';
import { Ages } from '../ages.ts';
import type { Revision, StoreError } from '../store.ts';
import { storeFailure } from './failure.ts';
import type { History } from './history.ts';
import type { Layout } from './layout.ts';
import { Leadership } from './leadership.ts';
import type { Members } from './members.ts';
import { RANGE, TXN } from './messages.ts';

export interface CompactorOptions {
  readonly historySeconds: number;
  /** Milliseconds, for the age of revisions. */
  readonly clock: () => number;
  /** Hears of what failed; it is tried again. */
  readonly failed: (error: StoreError) => void;
}

/** Every process sees revisions grow old; the one that leads has them forgotten. */
export class Compactor {
  readonly #members: Members;
  readonly #layout: Layout;
  readonly #history: History;
  readonly #options: CompactorOptions;
  readonly #leadership: Leadership;
  readonly #ages: Ages;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  /** What is old and not yet forgotten. */
  #old: Revision | undefined;
  /** The failure that was told last: one that lasts is told once. */
  #told = '';

  constructor(members: Members, layout: Layout, history: History, options: CompactorOptions) {
    this.#members = members;
    this.#layout = layout;
    this.#history = history;
    this.#options = options;
    this.#leadership = new Leadership(members, layout, 'compaction', `${hostname()} ${process.pid}`);
    this.#ages = new Ages(options.historySeconds * 1000);
    const work = (): void => {
      this.#running = this.#running.then(() => this.#work());
    };
    work();
    this.#timer = setInterval(work, this.#ages.everyMs).unref();
  }

  /** Ends when the step under way is done. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#leadership.resign();
  }

  async #work(): Promise<void> {
    try {
      const { header, entries } = await this.#members.call(RANGE, { from: this.#layout.last }, { repeatable: true });
      const current = entries[0]?.revision ?? 0;
      this.#old = this.#ages.note(this.#options.clock(), current) ?? this.#old;
      const foreign = header.revision > current;
      if ((this.#old !== undefined || foreign) && (await this.#leadership.take())) {
        if (foreign) await this.#mark();
        if (this.#old !== undefined) await this.#compact(this.#old, current);
      }
      this.#told = '';
    } catch (error) {
      const failure = storeFailure(error, this.#members.where);
      if (failure.message !== this.#told) this.#options.failed(failure);
      this.#told = failure.message;
    }
  }

  async #compact(old: Revision, current: Revision): Promise<void> {
    const { fence } = this.#leadership;
    if (!fence) return;
    const { succeeded } = await this.#members.call(
      TXN,
      { compare: [fence], success: [], failure: [] },
      { repeatable: true },
    );
    // A pause between this look and the compaction does no harm: what was old stays old, and no one goes back on it.
    if (succeeded) await this.#history.compact(old, current);
    if (this.#old === old) this.#old = undefined;
  }

  /**
   * Other programs' commits take the cluster's revision ahead, and its compactions follow. A commit of our own, without
   * a change, takes the watches of all processes along: else one that breaks could not go on where it was.
   */
  async #mark(): Promise<void> {
    const { fence } = this.#leadership;
    if (!fence) return;
    const mark = { op: 'put', key: this.#layout.last, value: Buffer.alloc(0) } as const;
    await this.#members.call(TXN, { compare: [fence], success: [mark], failure: [] }, { repeatable: true });
  }
}
