/** etcd's events as the commits that they come from. */
import { compareKeys } from '../key.ts';
import type { Entry, Revision, StoreEvent } from '../store.ts';
import type { Commit } from '../watchers.ts';
import type { Layout } from './layout.ts';
import type { KeyValue } from './messages.ts';
import type { WatchEvent } from './watchmessages.ts';

/** A commit; without events it is one that only wrote the key `last`. */
export type Told = Commit;

/**
 * The commits that events belong to, in order.
 * @param known an entry that is kept already, so that its bytes need not be kept twice.
 */
export function commitsOf(
  layout: Layout,
  events: readonly WatchEvent[],
  known: (key: string, revision: Revision) => Entry | undefined = () => undefined,
): readonly Told[] {
  const commits: { revision: Revision; events: StoreEvent[] }[] = [];
  for (const event of events) {
    const { revision } = event.now;
    const own = storeEventOf(layout, event, known);
    // Leaders come and go without the store's knowing.
    if (!own && event.now.key.compare(layout.last) !== 0) continue;
    let commit = commits.at(-1);
    if (commit?.revision !== revision) {
      commit = { revision, events: [] };
      commits.push(commit);
    }
    if (own) commit.events.push(own);
  }
  for (const commit of commits) {
    if (commit.events.length > 1) commit.events.sort((a, b) => compareKeys(a.key, b.key));
  }
  return commits;
}

function storeEventOf(
  layout: Layout,
  { deleted, now, before }: WatchEvent,
  known: (key: string, revision: Revision) => Entry | undefined,
): StoreEvent | undefined {
  const key = layout.nameOf(now.key);
  if (key === undefined) return undefined;
  const previous = before && (known(key, before.revision) ?? entryOf(key, before));
  const created = deleted ? (previous?.created ?? now.revision) : now.created;
  return { key, value: deleted ? undefined : now.value, revision: now.revision, created, previous };
}

function entryOf(key: string, { value, revision, created }: KeyValue): Entry {
  return { key, value, revision, created };
}
