/**
 * Reads all content again and holds it against its digests. What is damaged goes into quarantine (quarantine.ts), so
 * that clients are told that it is not there and bring it again; what is missing is told.
 */
import { createHash } from 'node:crypto';
import type { BlobBody } from '../blobs/blobs.ts';
import { type Digest, digestAlgorithm, parseDigest } from '../image/digest.ts';
import type { Services } from '../objects/context.ts';
import type { Leadership } from '../store/leadership.ts';
import type { Change } from '../store/store.ts';
import { LINKS } from '../streams/links.ts';
import { awaitLead } from './leadership.ts';
import { leaseKey } from './leases.ts';
import { endEpoch, type Mark, markKey, putMark, readMark, startEpoch } from './marks.ts';
import { quarantineChange, quarantined, releaseChange } from './quarantine.ts';
import { entriesAt } from './repositories.ts';
import { contentOf } from './survey.ts';
import { whoNeeds } from './usage.ts';

/** Content that is not as it should be. */
export interface Hurt {
  readonly digest: Digest;
  readonly state: 'damaged' | 'missing';
  /** What the bytes really are; undefined if there are none. */
  readonly actual: Digest | undefined;
  /** The images that need it, as `namespace/stream:tag` or `namespace/stream@digest`. */
  readonly images: readonly string[];
}

export interface Scrubbed {
  readonly blobs: number;
  readonly bytes: number;
  readonly hurt: readonly Hurt[];
}

/**
 * Reads everything. Throws what the store and the blobs throw.
 * @param dryRun Only tell what is damaged.
 */
export async function scrubContent(services: Services, leadership: Leadership, dryRun: boolean): Promise<Scrubbed> {
  const damaged = new Map<Digest, Digest>();
  const present = new Set<Digest>();
  let bytes = 0;
  for await (const digest of contentOf(services)) {
    const body = await services.blobs.read(digest);
    if (!body) continue;
    const actual = await digestOfBody(digest, body);
    bytes += body.size;
    present.add(digest);
    if (actual !== digest) damaged.set(digest, actual);
  }
  const usage = await whoNeeds(services);
  const hurt: Hurt[] = [...damaged].map(([digest, actual]) => {
    return { digest, state: 'damaged', actual, images: usage.imagesOf(digest) };
  });
  for (const digest of usage.needed) {
    if (present.has(digest) || (await services.blobs.stat(digest)) !== undefined) continue;
    hurt.push({ digest, state: 'missing', actual: undefined, images: usage.imagesOf(digest) });
  }
  if (!dryRun) {
    for (const [digest, actual] of damaged) await quarantine(services, leadership, digest, actual);
    await release(services, present, damaged);
  }
  return { blobs: present.size, bytes, hurt };
}

async function digestOfBody(digest: Digest, body: BlobBody): Promise<Digest> {
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  if (body.bytes) hash.update(body.bytes);
  for await (const piece of body.stream ?? []) hash.update(piece as Buffer);
  return parseDigest(`${algorithm}:${hash.digest('hex')}`) ?? digest;
}

/**
 * Takes damaged content away from its digest. While that goes on writers of the same content wait (marks.ts); nobody has
 * a link to it afterwards, so that a push sends it again.
 */
async function quarantine(services: Services, leadership: Leadership, digest: Digest, actual: Digest): Promise<void> {
  const { store, blobs } = services;
  const size = (await blobs.stat(digest)) ?? 0;
  await keepAs(services, digest, actual);
  await awaitLead(leadership);
  await startEpoch(store, true, leadership.check);
  // A run of the collection that was killed may have left a mark.
  const left = await readMark(store, digest);
  const own: Mark = { state: 'sweeping', owner: leadership.owner, at: services.now().getTime() };
  const found = services.now().toISOString();
  const revision = await store.commit([
    putMark(digest, own, left?.revision ?? 0),
    { op: 'delete', key: leaseKey(digest) },
    quarantineChange({ digest, actual, size, found }),
  ]);
  for (const link of await blobLinks(services, digest)) await store.commit([link]);
  await blobs.delete(digest);
  await store.commit([{ op: 'delete', key: markKey(digest), expect: revision }]);
  await endEpoch(store, leadership.check);
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
    await blobs.abort(id);
    throw error;
  }
}

async function blobLinks({ store }: Services, digest: Digest): Promise<Change[]> {
  const links: Change[] = [];
  for await (const { key } of entriesAt(store, LINKS, await store.revision())) {
    if (key.endsWith(`/blobs/${digest}`)) links.push({ op: 'delete', key });
  }
  return links;
}

/** Forgets what was damaged once and has been pushed again since. */
async function release(
  { store }: Services,
  present: ReadonlySet<Digest>,
  damaged: ReadonlyMap<Digest, Digest>,
): Promise<void> {
  for (const { digest } of await quarantined(store)) {
    if (present.has(digest) && !damaged.has(digest)) await store.commit([releaseChange(digest)]);
  }
}
