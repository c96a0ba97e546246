/**
 * Reads all content again and holds it against its digests. What is damaged is set aside (setaside.ts), so that clients are
 * told that it is not there and bring it again; what is missing is told.
 */
import { BlobsFull } from '../blobs/blobs.ts';
import type { Digest } from '../image/digest.ts';
import type { Services } from '../objects/context.ts';
import type { Leadership } from '../store/leadership.ts';
import { collectionLead } from './leadership.ts';
import { quarantined, releaseChange } from './quarantine.ts';
import { lookAt, setAside } from './setaside.ts';
import { contentOf } from './survey.ts';
import { whoNeeds } from './usage.ts';

/** Content that is not as it should be. */
export interface Hurt {
  readonly digest: Digest;
  /** `stays`: damaged, and still where it was, since there is no space to set it aside. */
  readonly state: 'damaged' | 'stays' | 'missing';
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
export async function scrubContent(services: Services, dryRun: boolean): Promise<Scrubbed> {
  const damaged = new Map<Digest, Digest>();
  const present = new Set<Digest>();
  let bytes = 0;
  for await (const digest of contentOf(services)) {
    const found = await lookAt(services, digest);
    if (!found) continue;
    bytes += found.size;
    present.add(digest);
    if (found.actual !== digest) damaged.set(digest, found.actual);
  }
  const usage = await whoNeeds(services);
  const lead = collectionLead(services.store);
  const hurt: Hurt[] = [];
  try {
    for (const [digest, actual] of damaged) {
      const state = dryRun ? 'damaged' : await setAsideOf(services, lead, digest);
      if (state) hurt.push({ digest, state, actual, images: usage.imagesOf(digest) });
    }
    for (const digest of usage.needed) {
      if (present.has(digest) || (await services.blobs.stat(digest)) !== undefined) continue;
      hurt.push({ digest, state: 'missing', actual: undefined, images: usage.imagesOf(digest) });
    }
    if (!dryRun) await release(services, present, damaged);
  } finally {
    await lead.end();
  }
  return { blobs: present.size, bytes, hurt };
}

/** What has become of damaged content; undefined if it was pushed again meanwhile. */
async function setAsideOf(services: Services, lead: Leadership, digest: Digest): Promise<Hurt['state'] | undefined> {
  try {
    return (await setAside(services, lead, digest)) && 'damaged';
  } catch (error) {
    // What else is damaged shall be told all the same.
    if (error instanceof BlobsFull) return 'stays';
    throw error;
  }
}

/**
 * Looks again at content that was found damaged while somebody read it, and sets it aside if it is. What it hurts; undefined
 * if it is well after all. Throws as `scrubContent`.
 */
export async function scrubOne(services: Services, digest: Digest): Promise<Hurt | undefined> {
  const lead = collectionLead(services.store);
  try {
    const actual = await setAside(services, lead, digest);
    if (actual === undefined) return undefined;
    return { digest, state: 'damaged', actual, images: (await whoNeeds(services)).imagesOf(digest) };
  } finally {
    await lead.end();
  }
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
