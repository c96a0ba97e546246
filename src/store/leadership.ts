/**
 * Leading: work that only one may do at a time, among all processes that share a store, by nothing but its commits.
 *
 * The key `/leaders/WORK/leader` names the leader, and its revision is the **fence**: what a leader writes it commits
 * together with a check of that revision (`check`, or the store that `fenced` gives), so one that slept while another
 * took its place can do nothing any more. Whoever wants to lead and hears nothing of the leader asks, by the key
 * `/leaders/WORK/asked`, which the leader takes away; a question that stays too long gives the lead to who has seen it
 * stay. Each measures that with its own clock from its own look, so clocks need not agree, and a leader that nobody
 * asks writes nothing. One that died on this machine is not waited for.
 *
 * `Leadership` is one try of one part of a process; `whileLeading` does work for as long as the process leads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LEAD_ANSWER_SECONDS, LEAD_ASK_SECONDS, LEAD_LOOK_MS } from '../limits.work.ts';
import { endOwner, fateOf, newOwner } from './owner.ts';
import { type Change, CommitConflict, type Entry, type Revision, type Store, StoreError, type Watch } from './store.ts';

/** A leader found out, by its commit, that another leads: nothing was changed. */
export class Deposed extends StoreError {
  override name = 'Deposed';
}

/** For tests. */
export interface Pace {
  readonly askMs: number;
  readonly answerMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

const PACE: Pace = {
  askMs: LEAD_ASK_SECONDS * 1000,
  answerMs: LEAD_ANSWER_SECONDS * 1000,
  clock: () => performance.now(),
};

/** One kind of work, as one part of one process sees it. */
export class Leadership {
  /** Names it among all. */
  readonly owner: string = newOwner();
  readonly #store: Store;
  readonly #prefix: string;
  readonly #pace: Pace;
  /** The revision by which it leads; 0 if it does not. */
  #fence: Revision = 0;
  #lost = new AbortController();
  #watch: Watch | undefined;
  #again: NodeJS.Timeout | undefined;
  /** What was there at the last look, and since when by our clock. */
  #seen = '';
  #since = 0;

  constructor(store: Store, work: string, pace: Pace = PACE) {
    this.#store = store;
    this.#prefix = `/leaders/${work}/`;
    this.#pace = pace;
  }

  get #leaderKey(): string {
    return `${this.#prefix}leader`;
  }

  get #askedKey(): string {
    return `${this.#prefix}asked`;
  }

  /** Whether this leads now. If another does it is asked, when it has been silent, whether it still lives. @throws {StoreError} */
  async take(): Promise<boolean> {
    const { entries } = await this.#store.list(this.#prefix);
    const leader = entries.find(({ key }) => key === this.#leaderKey);
    const asked = entries.find(({ key }) => key === this.#askedKey);
    if (leader && this.#fence === leader.revision) return true;
    this.#lose();
    const owner = leader?.value.toString();
    // A commit whose answer was lost, and that was made.
    if (leader && owner === this.owner) return this.#lead(leader.revision);
    if (!leader || owner === undefined || fateOf(owner) === 'dead' || this.#isSilent(leader, asked)) {
      return this.#seize(leader, asked);
    }
    if (!asked && this.#pace.clock() - this.#since >= this.#pace.askMs) await this.#ask(leader);
    return false;
  }

  /** Makes a commit fail unless this still leads. @throws {Deposed} if it is known not to. */
  get check(): Change {
    if (this.#fence === 0) throw new Deposed('another process leads this work');
    return { op: 'check', key: this.#leaderKey, expect: this.#fence };
  }

  /** Ends with the lead that was taken last, as soon as that is known. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Lets others lead at once. What cannot be undone because the store is away ends when somebody asks. */
  async end(): Promise<void> {
    const fence = this.#fence;
    this.#lose();
    endOwner(this.owner);
    if (fence === 0) return;
    try {
      await this.#store.commit([{ op: 'delete', key: this.#leaderKey, expect: fence }]);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /** A commit has failed with a conflict: if it was the fence, the lead is lost. */
  failed({ key, actual }: CommitConflict): boolean {
    const deposed = key === this.#leaderKey && actual !== this.#fence;
    if (deposed) this.#lose();
    return deposed;
  }

  #isSilent(leader: Entry, asked: Entry | undefined): boolean {
    this.#see(leader, asked?.revision ?? 0);
    return asked !== undefined && this.#pace.clock() - this.#since >= this.#pace.answerMs;
  }

  #see(leader: Entry, question: Revision): void {
    const seen = `${leader.revision} ${question}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#since = this.#pace.clock();
  }

  async #seize(leader: Entry | undefined, asked: Entry | undefined): Promise<boolean> {
    const value = Buffer.from(this.owner);
    const changes: Change[] = [{ op: 'put', key: this.#leaderKey, value, expect: leader?.revision ?? 0 }];
    if (asked) changes.push({ op: 'delete', key: this.#askedKey, expect: asked.revision });
    const revision = await this.#unlessOvertaken(changes);
    return revision !== undefined && this.#lead(revision);
  }

  async #ask(leader: Entry): Promise<void> {
    const value = Buffer.from(this.owner);
    const check = { op: 'check', key: this.#leaderKey, expect: leader.revision } as const;
    const question = await this.#unlessOvertaken([check, { op: 'put', key: this.#askedKey, value, expect: 0 }]);
    if (question !== undefined) this.#see(leader, question);
  }

  #lead(revision: Revision): true {
    this.#fence = revision;
    this.#lost = new AbortController();
    this.#follow(revision);
    return true;
  }

  #lose(): void {
    if (this.#fence === 0) return;
    this.#fence = 0;
    clearTimeout(this.#again);
    this.#watch?.close();
    this.#lost.abort();
  }

  /** Hears of questions, and of a successor. */
  #follow(after: Revision): void {
    const fence = this.#fence;
    this.#watch = this.#store.watch(this.#prefix, after, {
      batch: ({ events }) => {
        for (const { key, value, revision } of events) {
          if (fence !== this.#fence) return;
          if (key === this.#leaderKey && revision !== fence) this.#lose();
          else if (key === this.#askedKey && value) void this.#answer(revision);
        }
      },
      ended: (error) => {
        if (error && fence === this.#fence) this.#lookLater();
      },
    });
  }

  async #answer(question: Revision): Promise<void> {
    try {
      await this.#unlessOvertaken([this.check, { op: 'delete', key: this.#askedKey, expect: question }]);
    } catch {
      this.#lookLater();
    }
  }

  /** The store was away, and what it did not tell is looked for. */
  #lookLater(): void {
    if (this.#fence === 0) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#look(), LEAD_LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    const fence = this.#fence;
    try {
      const { entries, revision } = await this.#store.list(this.#prefix);
      if (fence === 0 || fence !== this.#fence) return;
      const leader = entries.find(({ key }) => key === this.#leaderKey);
      if (leader?.revision !== fence) return this.#lose();
      this.#watch?.close();
      this.#follow(revision);
      const asked = entries.find(({ key }) => key === this.#askedKey);
      if (asked) await this.#answer(asked.revision);
    } catch {
      this.#lookLater();
    }
  }

  async #unlessOvertaken(changes: readonly Change[]): Promise<Revision | undefined> {
    try {
      return await this.#store.commit(changes);
    } catch (error) {
      if (error instanceof CommitConflict) return undefined;
      throw error;
    }
  }
}

/** The same store, but every commit fails with {Deposed} once another leads. */
export function fenced(store: Store, lead: Leadership): Store {
  const { check } = lead;
  return {
    get: (key, options) => store.get(key, options),
    list: (prefix, options) => store.list(prefix, options),
    revision: () => store.revision(),
    watch: (prefix, after, listener) => store.watch(prefix, after, listener),
    compact: (before) => store.compact(before),
    close: () => store.close(),
    async commit(changes) {
      try {
        return await store.commit([check, ...changes]);
      } catch (error) {
        if (error instanceof CommitConflict && lead.failed(error)) throw new Deposed('another process leads this work');
        throw error;
      }
    },
  };
}

/** Work that goes on in the background. */
export interface Ongoing {
  /** Ends it; what it is doing at the moment is finished. */
  close(): Promise<void>;
}

/**
 * Does work for as long as this process leads it, again and again until it is closed. `begin` is given a store whose commits
 * fail once another leads, and what it gives is closed then. `failed` hears of what kept it from beginning; it is tried again.
 */
export function whileLeading(
  store: Store,
  work: string,
  begin: (led: Store) => Promise<Ongoing>,
  failed: (error: unknown) => void,
): Ongoing {
  const lead = new Leadership(store, work);
  const closing = new AbortController();
  const once = async (): Promise<void> => {
    if (!(await lead.take())) return;
    const ongoing = await begin(fenced(store, lead));
    await ended(AbortSignal.any([closing.signal, lead.lost]));
    await ongoing.close();
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      // The store is away: it is tried again, and there is nothing to tell that others do not tell.
      await once().catch((error: unknown) => (error instanceof StoreError ? undefined : failed(error)));
      await sleep(LEAD_LOOK_MS, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    async close() {
      closing.abort();
      await running;
      await lead.end();
    },
  };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
