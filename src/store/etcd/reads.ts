/**
 * How fresh a read is, and where it is answered: from memory wherever that is right, otherwise from etcd. A read of the
 * present asks etcd only for the latest revision, together with all others that wait, and then waits until memory has it.
 */
import { ETCD_CALL_MS, ETCD_LAG_MS } from '../../limits.ts';
import type { StoreFigures } from '../figures.ts';
import { checkKey } from '../key.ts';
import {
  type Awaitable,
  Compacted,
  type Entry,
  type Freshness,
  type ListOptions,
  type Page,
  type ReadOptions,
  type Revision,
  RevisionAhead,
} from '../store.ts';
import { Barrier } from './barrier.ts';
import { storeFailure } from './failure.ts';
import type { Members } from './members.ts';
import type { Outline } from './mirror.ts';
import type { Reader } from './reader.ts';
import type { Replica } from './replica.ts';

/** Where a read is to be answered: from memory, or from etcd at a revision (undefined: the latest). */
type Source = {
  readonly memory: boolean;
  /** Where etcd is asked. */
  readonly at?: Revision;
  /** What the page says that it is of, if that is not where it was read. */
  readonly as?: Revision;
};

const MEMORY: Source = { memory: true };
const LATEST: Source = { memory: false };

/** Answers `get`, `list` and `revision`. */
export class Reads {
  readonly #members: Members;
  readonly #reader: Reader;
  readonly #replica: Replica;
  readonly #barrier: Barrier;
  readonly #figures: StoreFigures;
  #known: Revision = 0;

  constructor(members: Members, reader: Reader, replica: Replica, figures: StoreFigures) {
    this.#figures = figures;
    this.#members = members;
    this.#reader = reader;
    this.#replica = replica;
    this.#barrier = new Barrier(() => this.#ask());
  }

  /** The latest revision that the store is known to have had. */
  get known(): Revision {
    return this.#known;
  }

  #pass(): Promise<Revision> {
    this.#figures.waited();
    return this.#barrier.pass();
  }

  /** @see Store.revision */
  async revision(): Promise<Revision> {
    try {
      return await this.#pass();
    } catch (error) {
      throw storeFailure(error, this.#members.where);
    }
  }

  /** @see Store.get */
  get(key: string, { fresh = 'latest' }: ReadOptions = {}): Awaitable<Entry | undefined> {
    checkKey(key);
    const source = this.#source(fresh, key, false);
    if (source instanceof Promise) return this.#guarded(async () => this.#get(key, await source));
    const entry = source.memory ? this.#replica.mirror.get(key) : 'unknown';
    return entry === 'unknown' ? this.#guarded(() => this.#get(key, source)) : entry;
  }

  /** @see Store.list */
  list(prefix: string, options: ListOptions = {}): Awaitable<Page> {
    checkKey(prefix);
    if (options.after !== undefined) checkKey(options.after);
    const source = this.#source(options.fresh ?? 'latest', prefix, true);
    if (source instanceof Promise) return this.#guarded(async () => this.#list(prefix, options, await source));
    const page = source.memory ? this.#page(this.#replica.mirror.list(prefix, options), source.as) : undefined;
    return page ?? this.#guarded(() => this.#list(prefix, options, source));
  }

  async #get(key: string, source: Source): Promise<Entry | undefined> {
    if (!source.memory) return this.#reader.get(key, source.at);
    const { mirror } = this.#replica;
    const entry = mirror.get(key);
    if (entry !== 'unknown') return entry;
    const { revision } = mirror;
    const [found] = await mirror.filled([key], () => this.#reader.some([key], revision));
    return found;
  }

  async #list(prefix: string, options: ListOptions, source: Source): Promise<Page> {
    if (!source.memory) {
      const page = await this.#reader.list(prefix, options, source.at);
      return source.as === undefined ? page : { ...page, revision: source.as };
    }
    const { mirror } = this.#replica;
    const outline = mirror.list(prefix, options);
    const page = this.#page(outline, source.as);
    if (page) return page;
    const missing = outline.keys.filter((_, index) => outline.entries[index] === undefined);
    const fetched = await mirror.filled(missing, () => this.#reader.some(missing, outline.revision));
    const byKey = new Map(fetched.map((entry) => [entry.key, entry]));
    const entries = outline.entries.map((entry, index) => entry ?? byKey.get(outline.keys[index] ?? ''));
    return pageOf(outline, entries, source.as);
  }

  /** The page, if nothing of it must be fetched. */
  #page(outline: Outline, as: Revision | undefined): Page | undefined {
    return outline.entries.includes(undefined) ? undefined : pageOf(outline, outline.entries, as);
  }

  /** At once where nothing needs to be asked. */
  #source(fresh: Freshness, key: string, prefix: boolean): Source | Promise<Source> {
    const { mirror } = this.#replica;
    if (fresh === 'any') return mirror.complete ? MEMORY : LATEST;
    if (fresh === 'latest') return this.#current();
    if ('notOlderThan' in fresh) {
      return mirror.complete && mirror.revision >= fresh.notOlderThan ? MEMORY : this.#notOlderThan(fresh.notOlderThan);
    }
    const at = fresh.exactly;
    if (mirror.complete && this.#replica.unchangedSince(at, key, prefix)) return { memory: true, as: at };
    return this.#exactly(at);
  }

  async #current(): Promise<Source> {
    if (!this.#replica.mirror.complete) return LATEST;
    const revision = await this.#pass();
    return this.#upTo(revision);
  }

  async #upTo(revision: Revision): Promise<Source> {
    const { mirror } = this.#replica;
    if (mirror.complete && mirror.revision >= revision) return MEMORY;
    if (!this.#replica.following) return LATEST;
    if ((await mirror.reached(revision, ETCD_LAG_MS)) && mirror.complete) return MEMORY;
    this.#replica.distrust();
    return LATEST;
  }

  async #notOlderThan(revision: Revision): Promise<Source> {
    const current = await this.#pass();
    if (revision > current) throw new RevisionAhead(current);
    return this.#replica.mirror.complete ? this.#upTo(current) : LATEST;
  }

  async #exactly(revision: Revision): Promise<Source> {
    const { mirror, history } = this.#replica;
    if (revision > mirror.revision) {
      const current = await this.#pass();
      if (revision > current) throw new RevisionAhead(current);
    }
    if (revision < history.compacted) throw new Compacted(history.compacted);
    return { memory: false, at: history.atLeastBirth(revision), as: revision };
  }

  /** The barrier's question. A revision that is older than what was known before means that etcd has lost its past. */
  async #ask(): Promise<Revision> {
    const { mirror } = this.#replica;
    const known = mirror.revision;
    const current = await this.#reader.revision();
    this.#known = current;
    if (current < known) this.#replica.wentBack(current);
    return current;
  }

  async #guarded<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw await this.#replica.history.failure(error);
    }
  }

  /** Resolves when memory holds everything up to a revision, or after ETCD_CALL_MS. */
  async settled(revision: Revision): Promise<void> {
    await this.#replica.mirror.reached(revision, ETCD_CALL_MS);
  }
}

function pageOf(outline: Outline, entries: readonly (Entry | undefined)[], as: Revision | undefined): Page {
  const { revision, more, remaining } = outline;
  const whole = entries.filter((entry) => entry !== undefined);
  return { entries: whole, revision: as ?? revision, more, ...(remaining !== undefined && { remaining }) };
}
