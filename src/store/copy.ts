/**
 * Copying a store into another, whatever engines they have. Both are read side by side in the order of keys and only what
 * differs is written, so a copy that was cut off goes on by beginning again, and a second one brings what has changed.
 */
import { COMMIT_BYTES, COMMIT_CHANGES, COPY_PAGE_ENTRIES, COPY_TRIES } from '../limits.ts';
import { compareKeys } from './key.ts';
import { type Change, Compacted, type Entry, type Revision, type Store, StoreError } from './store.ts';

/** In the store that is written: that a copy is under way, or was the last thing that happened to it. */
export const COPY_RECORD = '/copy';

/** Something that a store can be made equal to. */
export interface Source {
  /** The latest state of it. */
  snapshot(): Promise<Snapshot>;
}

/** A state of a source. */
export interface Snapshot {
  readonly revision: Revision;
  /** How many keys there are. */
  readonly total: number;
  /** What they hold, in their order; it may be read more than once. Throws {Compacted} if that is gone. */
  entries(): AsyncGenerator<Pick<Entry, 'key' | 'value'>, undefined>;
}

/** A store as it is at its latest revision; it may be written to meanwhile. */
export function storeSource(store: Store): Source {
  return {
    async snapshot() {
      const revision = await store.revision();
      const fresh = { exactly: revision };
      const { remaining = 0 } = await store.list('', { limit: 0, count: true, fresh });
      const total = remaining - ((await store.get(COPY_RECORD, { fresh })) ? 1 : 0);
      return { revision, total, entries: () => entriesOf(store, revision) };
    },
  };
}

/** What a copy has done so far. */
export interface CopyProgress {
  readonly phase: 'copying' | 'verifying';
  /** Keys that have been looked at, of how many. */
  readonly done: number;
  readonly total: number;
}

export interface Copied {
  /** The revision of the source that the copy is equal to. */
  readonly revision: Revision;
  readonly keys: number;
  /** Keys that had to be written or deleted. */
  readonly changed: number;
}

/** The store that was to be written holds something that no copy has brought. */
export class NotEmpty extends StoreError {
  override name = 'NotEmpty';
}

/** Whether a store is a copy that was not finished, which nobody must serve. */
export async function isUnfinishedCopy(store: Store): Promise<boolean> {
  const record = await store.get(COPY_RECORD);
  return record !== undefined && recordOf(record).state === 'copying';
}

/**
 * Makes one store equal to another, as that is at one revision, and compares them afterwards.
 * @throws {NotEmpty} unless the target is empty, an unfinished copy, or a copy that nobody has written to since;
 *   {StoreError} if one of them fails, or the source changes faster than it can be read.
 */
export async function copyStore(from: Source, to: Store, heard: (progress: CopyProgress) => void): Promise<Copied> {
  await checkTarget(to);
  await to.commit([{ op: 'put', key: COPY_RECORD, value: recordBytes('copying') }]);
  for (let tries = 1; ; tries++) {
    try {
      const copied = await copyOnce(await from.snapshot(), to, heard);
      await to.commit([{ op: 'put', key: COPY_RECORD, value: recordBytes('done') }]);
      return copied;
    } catch (error) {
      // Its history was forgotten while it was read: what has been copied need not be copied again.
      if (!(error instanceof Compacted) || tries === COPY_TRIES) throw error;
    }
  }
}

async function copyOnce(from: Snapshot, to: Store, heard: (progress: CopyProgress) => void): Promise<Copied> {
  const { revision, total } = from;
  const writer = new Writer(to);
  let done = 0;
  for await (const difference of differences(from, to, () => heard({ phase: 'copying', done: ++done, total }))) {
    await writer.add(difference);
  }
  await writer.flush();
  done = 0;
  for await (const { key } of differences(from, to, () => heard({ phase: 'verifying', done: ++done, total }))) {
    throw new StoreError(
      `${key} is not what was copied: somebody else writes to the target; stop that and begin again`,
    );
  }
  return { revision, keys: done, changed: writer.written };
}

async function checkTarget(to: Store): Promise<void> {
  const record = await to.get(COPY_RECORD);
  if (record && (recordOf(record).state === 'copying' || record.revision === (await to.revision()))) return;
  const { entries } = await to.list('', { limit: 1 });
  const [first] = entries;
  if (!first) return;
  throw new NotEmpty(`the target is in use, it holds ${first.key}: name a new file or prefix, or delete what is there`);
}

/** The changes that would make the target equal to the source; `looked` is called for each key of the source. */
async function* differences(
  from: Snapshot,
  to: Store,
  looked: () => void,
): AsyncGenerator<Extract<Change, { op: 'put' | 'delete' }>> {
  const target = entriesOf(to, await to.revision());
  let there = await target.next();
  for await (const entry of from.entries()) {
    looked();
    while (!there.done && compareKeys(there.value.key, entry.key) < 0) {
      yield { op: 'delete', key: there.value.key };
      there = await target.next();
    }
    const mine = there.done || there.value.key !== entry.key ? undefined : there.value;
    if (!mine?.value.equals(entry.value)) yield { op: 'put', key: entry.key, value: entry.value };
    if (mine) there = await target.next();
  }
  for (; !there.done; there = await target.next()) yield { op: 'delete', key: there.value.key };
}

async function* entriesOf(store: Store, revision: Revision): AsyncGenerator<Entry, undefined> {
  for (let after: string | undefined; ; ) {
    const options = { limit: COPY_PAGE_ENTRIES, fresh: { exactly: revision } };
    const page = await store.list('', after === undefined ? options : { ...options, after });
    for (const entry of page.entries) if (entry.key !== COPY_RECORD) yield entry;
    after = page.entries.at(-1)?.key;
    if (!page.more) return undefined;
  }
}

/** Commits changes in groups as large as they may be, some of them at a time. */
class Writer {
  readonly #store: Store;
  #changes: Change[] = [];
  #bytes = 0;
  #running: Promise<unknown>[] = [];
  written = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async add(change: Extract<Change, { op: 'put' | 'delete' }>): Promise<void> {
    const bytes = Buffer.byteLength(change.key) + (change.op === 'put' ? change.value.length : 0);
    if (this.#changes.length === COMMIT_CHANGES || this.#bytes + bytes > COMMIT_BYTES) await this.#commit();
    this.#changes.push(change);
    this.#bytes += bytes;
    this.written += 1;
  }

  async flush(): Promise<void> {
    await this.#commit();
    await Promise.all(this.#running);
  }

  async #commit(): Promise<void> {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#bytes = 0;
    if (this.#running.length >= LANES) {
      await Promise.all(this.#running);
      this.#running = [];
    }
    const commit = this.#store.commit(changes);
    // Awaited with its group; until then a failure is nobody's surprise.
    commit.catch(() => undefined);
    this.#running.push(commit);
  }
}

/** Commits of a copy that are under way together. */
const LANES = 8;

interface CopyRecord {
  readonly state: 'copying' | 'done';
}

function recordBytes(state: CopyRecord['state']): Buffer {
  return Buffer.from(JSON.stringify({ state } satisfies CopyRecord));
}

function recordOf({ value }: Entry): CopyRecord {
  return JSON.parse(value.toString()) as CopyRecord;
}
