/**
 * Quarantine: content whose bytes were found to be others than its digest says. It is kept under the digest that the
 * bytes really have, so that nobody is given it for good and whoever wants to can still look at it; pushing the image
 * again brings the good content back.
 */
import type { Digest } from '../image/digest.ts';
import type { Change, Revision, Store } from '../store/store.ts';

const PREFIX = '/quarantine/';

/** What is remembered of damaged content. */
export interface Damage {
  /** What it should be. */
  readonly digest: Digest;
  /** What it is; also where the bytes are kept. */
  readonly actual: Digest;
  /** Bytes. */
  readonly size: number;
  /** RFC 3339. */
  readonly found: string;
}

/** The change that remembers damaged content. */
export function quarantineChange(damage: Damage): Change {
  return { op: 'put', key: PREFIX + damage.digest, value: Buffer.from(JSON.stringify(damage)) };
}

/** All that is in quarantine. */
export async function quarantined(store: Store, at?: Revision): Promise<Damage[]> {
  const { entries } = await store.list(PREFIX, at === undefined ? {} : { fresh: { exactly: at } });
  return entries.map(({ value }) => JSON.parse(value.toString()) as Damage);
}

/** Where the damaged bytes are: they are not garbage. */
export async function quarantinedContent(store: Store, at: Revision): Promise<Digest[]> {
  return (await quarantined(store, at)).map(({ actual }) => actual);
}

/** The change that forgets damaged content: it was pushed again, or someone has seen enough of it. */
export function releaseChange(digest: Digest): Change {
  return { op: 'delete', key: PREFIX + digest };
}
