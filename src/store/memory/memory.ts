/**
 * The store in memory, for tests. It is also the model that other drivers are compared with, so it does everything in
 * the plainest way and shares nothing with them but the rules of keys and changes.
 */
import { checkChanges } from '../changes.ts';
import { checkKey, compareKeys } from '../key.ts';
import {
  type Batch,
  type Change,
  CommitConflict,
  Compacted,
  type Entry,
  type ListOptions,
  type Page,
  type ReadOptions,
  type Revision,
  RevisionAhead,
  type Store,
  type StoreError,
  type StoreEvent,
  StoreUnavailable,
  type Watch,
  type WatchListener,
} from '../store.ts';

/** An empty store whose contents end with it. As in etcd, its revision is 1 before the first commit. */
export function openMemoryStore(): Store {
  return new MemoryStore();
}

interface Member extends Watch {
  readonly prefix: string;
  readonly listener: WatchListener;
  delivered: Revision;
  ended: boolean;
}

class MemoryStore implements Store {
  #revision: Revision = 1;
  #compacted: Revision = 0;
  /** Every commit since the beginning or the compaction, in order. */
  #log: Batch[] = [];
  /** What lives now, and its keys in order. */
  readonly #entries = new Map<string, Entry>();
  readonly #keys: string[] = [];
  readonly #watches = new Set<Member>();
  #closed = false;

  get(key: string, options?: ReadOptions): Entry | undefined {
    checkKey(key);
    const at = this.#readable(options);
    return at === this.#revision ? this.#entries.get(key) : this.#entriesAt(at).get(key);
  }

  list(prefix: string, options: ListOptions = {}): Page {
    checkKey(prefix);
    const { after, limit, count } = options;
    if (after !== undefined) checkKey(after);
    const at = this.#readable(options);
    const entries = at === this.#revision ? this.#entries : this.#entriesAt(at);
    const keys = at === this.#revision ? this.#keys : [...entries.keys()].sort(compareKeys);
    const matching = keys.filter(
      (key) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0),
    );
    const page = matching.slice(0, limit);
    const remaining = matching.length - page.length;
    return {
      entries: page.map((key) => entries.get(key)).filter((entry) => entry !== undefined),
      revision: at,
      more: remaining > 0,
      ...(count ? { remaining } : {}),
    };
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    this.#checkOpen();
    checkChanges(changes);
    // As with a real engine, nothing happens before the caller has gone on: listeners never run inside commit().
    await undefined;
    this.#checkOpen();
    const revision = this.#revision + 1;
    const events = this.#plan(changes, revision).sort((a, b) => compareKeys(a.key, b.key));
    if (events.length === 0) return this.#revision;
    for (const event of events) this.#keep(event);
    this.#revision = revision;
    this.#log.push({ revision, events });
    this.#tell({ revision, events });
    return revision;
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    checkKey(prefix);
    const watches = this.#watches;
    const member: Member = {
      prefix,
      listener,
      delivered: after,
      ended: false,
      close(): void {
        end(member);
        watches.delete(member);
      },
    };
    // Never called back inside watch(): the past is told, and refusals are given, in a turn of their own.
    setImmediate(() => this.#begin(member));
    return member;
  }

  async compact(before: Revision): Promise<void> {
    this.#checkOpen();
    if (before > this.#revision) throw new RevisionAhead(this.#revision);
    if (before <= this.#compacted) return;
    const base = this.#entriesAt(before);
    this.#compacted = before;
    this.#log = this.#log.filter((batch) => batch.revision > before);
    this.#base = base;
  }

  revision(): Revision {
    this.#checkOpen();
    return this.#revision;
  }

  async close(): Promise<void> {
    // Commits and watches that were called before have their turn first.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#closed = true;
    for (const member of [...this.#watches]) member.close();
  }

  /** What lived at the compacted revision; the log goes on from there. */
  #base: ReadonlyMap<string, Entry> = new Map();

  #entriesAt(at: Revision): Map<string, Entry> {
    const entries = new Map(this.#base);
    for (const { events } of this.#log.filter((batch) => batch.revision <= at)) {
      for (const { key, value, revision, created } of events) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, { key, value, revision, created });
      }
    }
    return entries;
  }

  /** The revision that a read is answered from. */
  #readable({ fresh }: ReadOptions = {}): Revision {
    this.#checkOpen();
    if (typeof fresh !== 'object') return this.#revision;
    const asked = 'exactly' in fresh ? fresh.exactly : fresh.notOlderThan;
    if (asked > this.#revision) throw new RevisionAhead(this.#revision);
    if ('notOlderThan' in fresh) return this.#revision;
    if (asked < this.#compacted) throw new Compacted(this.#compacted);
    return asked;
  }

  /** What the changes would do to the keys that live. */
  #plan(changes: readonly Change[], revision: Revision): StoreEvent[] {
    const events = new Map<string, StoreEvent>();
    for (const change of changes) {
      if (change.op === 'deletePrefix') {
        for (const key of this.#keys.filter((candidate) => candidate.startsWith(change.prefix))) {
          events.set(key, eventOf(key, undefined, revision, this.#entries.get(key)));
        }
        continue;
      }
      const previous = this.#entries.get(change.key);
      const actual = previous?.revision ?? 0;
      if (change.expect !== undefined && change.expect !== actual) throw new CommitConflict(change.key, actual);
      if (change.op === 'put') events.set(change.key, eventOf(change.key, change.value, revision, previous));
      if (change.op === 'delete' && previous)
        events.set(change.key, eventOf(change.key, undefined, revision, previous));
    }
    return [...events.values()];
  }

  #keep({ key, value, revision, created }: StoreEvent): void {
    if (value !== undefined) {
      if (!this.#entries.has(key)) this.#keys.splice(this.#place(key), 0, key);
      this.#entries.set(key, { key, value, revision, created });
    } else {
      this.#keys.splice(this.#place(key), 1);
      this.#entries.delete(key);
    }
  }

  /** The index of the first key that is not before this one. */
  #place(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #begin(member: Member): void {
    if (member.ended) return;
    if (this.#closed) {
      end(member, new StoreUnavailable('the store is closed'));
      return;
    }
    if (member.delivered < this.#compacted) {
      end(member, new Compacted(this.#compacted));
      return;
    }
    this.#watches.add(member);
    for (const batch of this.#log) give(member, only(batch, member.prefix));
    member.delivered = Math.max(member.delivered, this.#revision);
  }

  #tell(batch: Batch): void {
    const batches = new Map<string, Batch>();
    for (const member of [...this.#watches]) {
      const own = batches.get(member.prefix) ?? only(batch, member.prefix);
      batches.set(member.prefix, own);
      give(member, own);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}

function eventOf(key: string, value: Buffer | undefined, revision: Revision, previous: Entry | undefined): StoreEvent {
  return { key, value, revision, created: previous?.created ?? revision, previous };
}

function only(batch: Batch, prefix: string): Batch {
  return { revision: batch.revision, events: batch.events.filter((event) => event.key.startsWith(prefix)) };
}

function give(member: Member, batch: Batch): void {
  if (member.ended || batch.revision <= member.delivered) return;
  member.delivered = batch.revision;
  if (batch.events.length > 0) member.listener.batch(batch);
}

function end(member: Member, error?: StoreError): void {
  if (member.ended) return;
  member.ended = true;
  member.listener.ended(error);
}
