/**
 * Setting damaged content aside: it is taken away from its digest, so that clients are told that it is not there and bring
 * it again, and kept under the digest that its bytes really have (quarantine.ts).
 */
import { createHash } from 'node:crypto';
import { type Digest, digestAlgorithm, parseDigest } from '../image/digest.ts';
import { SWEEP_STALE_SECONDS } from '../limits.work.ts';
import type { Services } from '../objects/context.ts';
import { fenced, type Leadership } from '../store/leadership.ts';
import type { Change, Revision, Store } from '../store/store.ts';
import { LINKS } from '../streams/links.ts';
import { awaitLead } from './leadership.ts';
import { leaseKey } from './leases.ts';
import { endEpoch, type Mark, markKey, putMark, readMark, startEpoch } from './marks.ts';
import { quarantineChange } from './quarantine.ts';
import { entriesAt } from './repositories.ts';

/** What the bytes of some content are, read from first to last; undefined if there is none. */
export async function lookAt(
  { blobs }: Pick<Services, 'blobs'>,
  digest: Digest,
  between?: () => Promise<void>,
): Promise<{ readonly actual: Digest; readonly size: number } | undefined> {
  const body = await blobs.read(digest);
  if (!body) return undefined;
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  if (body.bytes) hash.update(body.bytes);
  let size = body.bytes?.length ?? 0;
  for await (const piece of body.stream ?? []) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
    body.stream?.handBack?.(piece as Buffer);
    await between?.();
  }
  const actual = parseDigest(`${algorithm}:${hash.digest('hex')}`);
  return actual && { actual, size };
}

/**
 * Sets content aside if it is damaged indeed. What its bytes are; undefined if it is as it should be, or gone: somebody
 * may have pushed it again meanwhile.
 * @throws what the store and the blobs throw; the content is then where it was, or gone.
 */
export async function setAside(services: Services, lead: Leadership, digest: Digest): Promise<Digest | undefined> {
  // As long as this leads nothing is collected: to a run of the collection the copy would be garbage.
  await awaitLead(lead);
  const led = { ...services, store: fenced(services.store, lead) };
  const found = await lookAt(led, digest);
  if (!found || found.actual === digest) return undefined;
  await keepAs(led, digest, found.actual);
  await startEpoch(led.store, true, lead.check);
  try {
    return (await takeAway(led, lead.owner, digest, found.actual)) ? found.actual : undefined;
  } finally {
    await endEpoch(led.store, lead.check);
  }
}

/** Copies the bytes to the digest that they have. */
async function keepAs({ blobs }: Services, digest: Digest, actual: Digest): Promise<void> {
  const body = await blobs.read(digest);
  if (body?.bytes) return blobs.put(actual, body.bytes);
  if (!body?.stream) return;
  const id = await blobs.begin();
  try {
    await blobs.append(id, 0, body.stream);
    await blobs.commit(id, actual);
  } catch (error) {
    body.stream.destroy();
    await blobs.abort(id);
    throw error;
  }
}

/** While that goes on writers of the same content wait (marks.ts). Whether the content was still the damaged one. */
async function takeAway(services: Services, owner: string, digest: Digest, actual: Digest): Promise<boolean> {
  const { store, blobs } = services;
  const mark = await HeldMark.put(services, owner, digest);
  const now = await lookAt(services, digest, () => mark.renew());
  if (now?.actual !== actual) {
    await mark.remove();
    return false;
  }
  const found = services.now().toISOString();
  await mark.renew([
    { op: 'delete', key: leaseKey(digest) },
    quarantineChange({ digest, actual, size: now.size, found }),
  ]);
  for (const link of await blobLinks(services, digest)) {
    await store.commit([link]);
    await mark.renew();
  }
  await blobs.delete(digest);
  await mark.remove();
  return true;
}

async function blobLinks({ store }: Services, digest: Digest): Promise<Change[]> {
  const links: Change[] = [];
  for await (const { key } of entriesAt(store, LINKS, await store.revision())) {
    if (key.endsWith(`/blobs/${digest}`)) links.push({ op: 'delete', key });
  }
  return links;
}

/** A mark that says that content is being deleted, renewed before anybody could take its owner for dead. */
class HeldMark {
  readonly #store: Store;
  readonly #make: () => Mark;
  readonly #digest: Digest;
  #revision: Revision;
  #renewed = performance.now();

  private constructor(store: Store, make: () => Mark, digest: Digest, revision: Revision) {
    this.#store = store;
    this.#make = make;
    this.#digest = digest;
    this.#revision = revision;
  }

  static async put(services: Services, owner: string, digest: Digest): Promise<HeldMark> {
    const { store } = services;
    const make = (): Mark => ({ state: 'sweeping', owner, at: services.now().getTime() });
    // A run of the collection that was killed may have left one.
    const left = await readMark(store, digest);
    const revision = await store.commit([putMark(digest, make(), left?.revision ?? 0)]);
    return new HeldMark(store, make, digest, revision);
  }

  /** If it is time, or together with other changes. @throws {CommitConflict} if somebody else has taken over. */
  async renew(changes: readonly Change[] = []): Promise<void> {
    const due = performance.now() - this.#renewed > (SWEEP_STALE_SECONDS * 1000) / 3;
    if (!due && changes.length === 0) return;
    this.#renewed = performance.now();
    this.#revision = await this.#store.commit([putMark(this.#digest, this.#make(), this.#revision), ...changes]);
  }

  async remove(): Promise<void> {
    await this.#store.commit([{ op: 'delete', key: markKey(this.#digest), expect: this.#revision }]);
  }
}
