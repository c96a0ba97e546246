/** Reads of etcd itself: what a process has not in memory, and the past. */
import { ETCD_INDEX_PAGE_KEYS, ETCD_PAGE_BYTES, ETCD_PAGE_KEYS } from '../../limits.ts';
import type { Entry, ListOptions, Page, Revision } from '../store.ts';
import { StoreUnavailable } from '../store.ts';
import { isTooLarge } from './failure.ts';
import { keyFollowing, type Layout } from './layout.ts';
import type { Members } from './members.ts';
import { type KeyValue, RANGE, type Range, type RangeRequest, type RangeResponse, TXN } from './messages.ts';

/** Throws etcd's own errors, but for {EtcdAway}. */
export class Reader {
  readonly #members: Members;
  readonly #layout: Layout;
  /** Keys of the next page: fewer where values are large, so that a page fits a message. */
  #pageKeys = ETCD_PAGE_KEYS;

  constructor(members: Members, layout: Layout) {
    this.#members = members;
    this.#layout = layout;
  }

  /** The revision of the latest commit: linearizable. */
  async revision(): Promise<Revision> {
    const { entries } = await this.#range({ from: this.#layout.last });
    return this.#revisionOf(entries[0]);
  }

  /** A key as it is, or was at a revision. */
  async get(key: string, revision?: Revision): Promise<Entry | undefined> {
    const { entries } = await this.#range({ from: this.#layout.key(key), ...(revision && { revision }) });
    return entries[0] && this.#entryOf(entries[0]);
  }

  /** A page of the present, or of a revision. */
  async list(prefix: string, options: ListOptions, at?: Revision): Promise<Page> {
    const { after, limit, count } = options;
    const { from, to } = this.#layout.below(prefix);
    const start = after === undefined ? from : later(from, keyFollowing(this.#layout.key(after)));
    if (start.compare(to) >= 0) {
      return { entries: [], revision: at ?? (await this.revision()), more: false, ...(count && { remaining: 0 }) };
    }
    const entries: Entry[] = [];
    let revision = at;
    let next = start;
    for (;;) {
      const room = limit === undefined ? undefined : limit - entries.length;
      const range = { from: next, to };
      const answer = revision === undefined ? await this.#latest(range, room) : await this.#page(range, revision, room);
      revision = answer.revision;
      for (const each of answer.entries) {
        const entry = this.#entryOf(each);
        if (entry) entries.push(entry);
      }
      const last = answer.entries.at(-1);
      if (last) next = keyFollowing(last.key);
      const left = answer.count - answer.entries.length;
      const full = limit !== undefined && entries.length >= limit;
      if (left === 0 || full) {
        return { entries, revision, more: left > 0, ...(count && { remaining: left }) };
      }
    }
  }

  /** Calls a function with all keys of a revision after one, page by page, until it returns false. */
  async keys(
    revision: Revision,
    after: string | undefined,
    use: (sorted: readonly string[]) => boolean,
  ): Promise<void> {
    let range: Range = this.#layout.below('');
    if (after !== undefined) range = { ...range, from: keyFollowing(this.#layout.key(after)) };
    for (let more = true; more; ) {
      const answer = await this.#range({ ...range, revision, keysOnly: true, limit: ETCD_INDEX_PAGE_KEYS });
      const last = answer.entries.at(-1);
      if (last) range = { ...range, from: keyFollowing(last.key) };
      more = use(answer.entries.flatMap(({ key }) => this.#layout.nameOf(key) ?? [])) && answer.more;
    }
  }

  /** Entries of some keys at a revision. */
  async some(keys: readonly string[], revision: Revision): Promise<readonly Entry[]> {
    const [first, last] = [keys[0], keys.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (keys.length <= FEW) {
      const entries = await Promise.all(keys.map((key) => this.get(key, revision)));
      return entries.filter((entry) => entry !== undefined);
    }
    const wanted = new Set(keys);
    const found: Entry[] = [];
    const to = keyFollowing(this.#layout.key(last));
    for (let from = this.#layout.key(first); ; ) {
      const { entries, count } = await this.#page({ from, to }, revision, undefined);
      for (const each of entries) {
        const entry = this.#entryOf(each);
        if (entry && wanted.has(entry.key)) found.push(entry);
      }
      const end = entries.at(-1);
      if (!end || entries.length === count) return found;
      from = keyFollowing(end.key);
    }
  }

  /** Keys and the revision of the latest commit, of one moment. */
  async #latest(range: Range, room: number | undefined): Promise<PageAnswer> {
    return this.#fitting(room, async (limit) => {
      const page = { op: 'range', ...range, ...pageOf(limit) } as const;
      const txn = { compare: [], success: [page, { op: 'range', from: this.#layout.last } as const], failure: [] };
      const { answers } = await this.#members.call(TXN, txn, { repeatable: true });
      const [answer, last] = answers;
      if (!answer || !('entries' in answer)) throw new StoreUnavailable(`${this.#members.where} gave no page`);
      const revision = this.#revisionOf(last && 'entries' in last ? last.entries[0] : undefined);
      return { ...answer, revision, entries: limit === 0 ? [] : answer.entries };
    });
  }

  async #page(range: Range, revision: Revision, room: number | undefined): Promise<PageAnswer> {
    return this.#fitting(room, async (limit) => {
      const answer = await this.#range({ ...range, revision, ...pageOf(limit) });
      return { ...answer, revision, entries: limit === 0 ? [] : answer.entries };
    });
  }

  /** Asks for as many keys as a message holds. */
  async #fitting(room: number | undefined, ask: (limit: number) => Promise<PageAnswer>): Promise<PageAnswer> {
    for (;;) {
      const limit = Math.min(room ?? this.#pageKeys, this.#pageKeys);
      try {
        const answer = await ask(limit);
        const bytes = answer.entries.reduce((sum, { value }) => sum + value.length, 0);
        if (bytes > ETCD_PAGE_BYTES) this.#pageKeys = Math.max(1, limit >> 1);
        if (bytes < ETCD_PAGE_BYTES / 4) this.#pageKeys = Math.min(this.#pageKeys * 2, ETCD_PAGE_KEYS);
        return answer;
      } catch (error) {
        if (!isTooLarge(error) || limit <= 1) throw error;
        this.#pageKeys = Math.ceil(limit / 4);
      }
    }
  }

  #range(request: RangeRequest): Promise<RangeResponse> {
    return this.#members.call(RANGE, request, { repeatable: true });
  }

  #revisionOf(last: KeyValue | undefined): Revision {
    if (last) return last.revision;
    const { prefix } = this.#layout;
    throw new StoreUnavailable(
      `the keys below ${prefix}/ in ${this.#members.where} were deleted: restore them, or start all replicas anew`,
    );
  }

  #entryOf({ key, value, revision, created }: KeyValue): Entry | undefined {
    const name = this.#layout.nameOf(key);
    if (name === undefined) return undefined;
    // A copy: a value must not keep alive the whole page that it came with.
    return { key: name, value: Buffer.from(value), revision, created };
  }
}

type PageAnswer = Omit<RangeResponse, 'header' | 'more'> & { readonly revision: Revision };

/** So many keys are fetched one by one rather than as a range. */
const FEW = 4;

/** To etcd a limit of 0 is none. */
function pageOf(limit: number): { readonly limit: number; readonly countOnly?: true } {
  return limit === 0 ? { limit: 1, countOnly: true } : { limit };
}

function later(a: Buffer, b: Buffer): Buffer {
  return a.compare(b) >= 0 ? a : b;
}
