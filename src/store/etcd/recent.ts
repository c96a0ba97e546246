/** The latest commits, kept in memory for watches that begin a little way back. */
import type { Revision } from '../store.ts';
import type { Commit } from '../watchers.ts';

/** Keeps the newest, as many as a number of bytes holds. */
export class RecentCommits {
  readonly #limit: number;
  #commits: Commit[] = [];
  #bytes = 0;
  #after: Revision;

  /**
   * @param after nothing before and at this revision is known.
   * @param limit bytes of all commits that are kept.
   */
  constructor(after: Revision, limit: number) {
    this.#after = after;
    this.#limit = limit;
  }

  /** All commits after this revision are here. */
  get after(): Revision {
    return this.#after;
  }

  add(commit: Commit): void {
    this.#commits.push(commit);
    this.#bytes += bytesOf(commit);
    if (this.#bytes <= this.#limit) return;
    // A quarter at a time: taking from the front moves all that is behind it.
    let kept = 0;
    for (; this.#bytes > (this.#limit * 3) / 4 && kept < this.#commits.length; kept++) {
      const oldest = this.#commits[kept];
      if (!oldest) break;
      this.#bytes -= bytesOf(oldest);
      this.#after = oldest.revision;
    }
    this.#commits.splice(0, kept);
  }

  /** Forgets all; nothing up to this revision is known. */
  restart(after: Revision): void {
    this.#commits = [];
    this.#bytes = 0;
    this.#after = after;
  }

  /** The commits after a revision that is not before `after`. */
  since(revision: Revision): readonly Commit[] {
    let low = 0;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#commits[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#commits.slice(low);
  }
}

/** What an event costs beside its bytes; a commit costs as much again. */
const EVENT_BYTES = 256;

function bytesOf({ events }: Commit): number {
  return events.reduce(
    (sum, { key, value, previous }) =>
      sum + key.length + (value?.length ?? 0) + (previous?.value.length ?? 0) + EVENT_BYTES,
    EVENT_BYTES,
  );
}
