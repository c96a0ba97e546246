/** Follows everything that is committed, by one watch that goes on where it was after any break. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ETCD_WATCH_PAUSE_MS } from '../../limits.ts';
import type { Revision, StoreError } from '../store.ts';
import { storeFailure } from './failure.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { openWatch, type WatchStream } from './stream.ts';
import type { WatchEvent } from './watchmessages.ts';

export interface FollowerListener {
  /** What was committed next, in order and without a gap. */
  events(events: readonly WatchEvent[]): void;
  /**
   * Revisions that were not yet told are gone, or are those of another cluster. When this resolves, `restart` has been
   * called.
   */
  lost(oldest: Revision): Promise<void>;
  /** The watch broke, or could not be opened; it is tried again. */
  broken(error: StoreError): void;
}

/** Never gives up; its listener is told everything once and in order. */
export class Follower {
  readonly #members: Members;
  readonly #layout: Layout;
  readonly #listener: FollowerListener;
  /** Everything up to this revision has been told. */
  #position: Revision;
  #stream: WatchStream | undefined;
  #live = false;
  #pauseMs = 0;
  /** The cluster that is followed: one that was restored from a backup is another. */
  #cluster = 0n;
  #closed = false;
  #running = false;

  constructor(members: Members, layout: Layout, listener: FollowerListener) {
    this.#members = members;
    this.#layout = layout;
    this.#listener = listener;
    this.#position = 0;
  }

  /** Whether the watch stands, as far as is known. */
  get live(): boolean {
    return this.#live;
  }

  /** Begins, or begins anew, with what comes after a revision. */
  restart(after: Revision): void {
    this.#position = after;
    this.#stream?.close();
    if (!this.#running) void this.#run();
    this.#running = true;
  }

  /** The watch brings less than there is: it is opened again, on another member if there is one. */
  distrust(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#members.leave();
    this.#stream?.close();
  }

  close(): void {
    this.#closed = true;
    this.#live = false;
    this.#stream?.close();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await this.#once();
      this.#live = false;
      if (!this.#closed && this.#pauseMs > 0)
        await sleep(this.#pauseMs * (1 + Math.random()), undefined, { ref: false });
    }
  }

  async #once(): Promise<void> {
    const start = this.#position + 1;
    let other = false;
    try {
      const stream = await openWatch(
        this.#members,
        { ...this.#layout.all, start },
        {
          created: (cluster) => {
            if (this.#stream !== stream) return;
            other = this.#cluster !== 0n && cluster !== this.#cluster;
            this.#cluster = cluster;
            if (other) stream.close();
            else this.#live = true;
          },
          events: (events, revision) => {
            if (this.#stream === stream) this.#take(events, revision);
          },
        },
      );
      this.#stream = stream;
      // It was closed, or is to begin elsewhere, since.
      if (this.#closed || start !== this.#position + 1) stream.close();
      const ending = await stream.ended;
      this.#stream = undefined;
      if (other) await this.#listener.lost(start);
      else if (ending === 'closed') return;
      else if ('compacted' in ending) await this.#listener.lost(ending.compacted);
      else this.#failed(ending.error, true);
    } catch (error) {
      this.#failed(storeFailure(error, this.#members.where), false);
    }
  }

  #take(events: readonly WatchEvent[], revision: Revision): void {
    this.#pauseMs = 0;
    if (events.length > 0) this.#listener.events(events);
    this.#position = Math.max(this.#position, revision);
  }

  #failed(error: StoreError, stood: boolean): void {
    if (this.#closed) return;
    if (stood) this.#members.leave();
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, ETCD_WATCH_PAUSE_MS / 20), ETCD_WATCH_PAUSE_MS);
    this.#listener.broken(error);
  }
}
