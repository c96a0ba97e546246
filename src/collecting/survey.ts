/**
 * Finds what nothing leads to any more. Roots are the tags of all streams and their whole history, manifests that were
 * pushed by digest, and leases. What a repository lets be read but does not need is garbage there; content that no
 * repository needs is garbage altogether.
 */
import { readWhole } from '../blobs/whole.ts';
import { type Digest, parseDigest } from '../image/digest.ts';
import { ManifestInvalid, type ManifestReferences, parseManifest, sortedReferences } from '../image/manifest.ts';
import { MANAGED_ANNOTATION } from '../images/image.ts';
import { imageKey } from '../images/images.ts';
import { MANIFEST_BYTES } from '../limits.ts';
import { BLOB_LIST_PAGE } from '../limits.work.ts';
import type { Services } from '../objects/context.ts';
import type { Change, Revision } from '../store/store.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { findImage } from '../streams/layers.ts';
import { DESCRIPTIONS, REFERENCES } from '../streams/links.ts';
import { type Holds, holdersFirst, reach } from './graph.ts';
import { listLeases } from './leases.ts';
import { Pauses } from './pauses.ts';
import { quarantinedContent } from './quarantine.ts';
import { entriesAt, type Key, type Repository, readRepositories } from './repositories.ts';

/** Something that nothing leads to. */
export interface Garbage {
  readonly digest: Digest;
  readonly kind: 'manifest' | 'blob';
  /** In words. */
  readonly why: string;
  /** Whether the bytes go as well; else only repositories let go of it. */
  content: boolean;
  /** What is deleted from the store with it. */
  readonly keys: Key[];
}

/** What was found in one snapshot. */
export interface Survey {
  /** In the order in which it must be deleted: what holds something before what is held. */
  readonly garbage: ReadonlyMap<Digest, Garbage>;
  /** Digests that something leads to. */
  readonly live: number;
  /** Changes by which manifests that were pushed by digest go with what holds them from now on. */
  readonly adoptions: readonly Change[];
  /** Deletions of leases that have ended. */
  readonly endedLeases: readonly Change[];
}

/** Looks at everything. Throws as `Store.list` ({Compacted} if it takes longer than revisions are kept) and `Blobs`. */
export async function surveyContent(services: Services): Promise<Survey> {
  const { store } = services;
  const revision = await store.revision();
  const leases = await listLeases(store, revision, services.now());
  const descriptions = new Map<Digest, Key>();
  for await (const { key, revision: written } of entriesAt(store, DESCRIPTIONS, revision)) {
    descriptions.set(key.slice(DESCRIPTIONS.length) as Digest, { key, revision: written });
  }
  const references = await readReferences(services, descriptions.keys(), revision);
  const repositories = await readRepositories(store, imageStreams.kept?.prefix ?? '', revision);
  const needs: Holds = (digest) => references.get(digest)?.digests ?? NONE;
  const live = reach([...leases.leased, ...(await quarantinedContent(store, revision))], needs);
  const findings = new Findings();
  // First all that lives, since what one repository does not need may be another's.
  const held = new Map<Repository, ReadonlySet<Digest>>();
  const leased = new Set(live);
  const pauses = new Pauses();
  for (const repository of repositories.values()) {
    const { reached, adoptions } = holdingsOf(repository, needs);
    findings.adoptions.push(...adoptions);
    held.set(repository, reached);
    for (const digest of reached) live.add(digest);
    await pauses.take();
  }
  for (const [repository, reached] of held) {
    findings.links(repository, (digest) => reached.has(digest) || leased.has(digest));
    await pauses.take();
  }
  for (const [digest, key] of descriptions) {
    if (live.has(digest)) continue;
    const image = await ownImage(services, digest, revision);
    const keys = [key, references.get(digest)?.key, image].filter((each) => each !== undefined);
    findings.unheld(digest, 'manifest', keys);
  }
  for await (const digest of contentOf(services)) if (!live.has(digest)) findings.unheld(digest, 'blob', []);
  const referrers = referrersIn(repositories.values());
  const holds: Holds = (digest) => [...needs(digest), ...(referrers.get(digest) ?? NONE)];
  const { adoptions } = findings;
  return { garbage: findings.inOrder(holds), live: live.size, adoptions, endedLeases: leases.ended };
}

const NONE: readonly Digest[] = [];

/** What is found on the way. */
class Findings {
  readonly adoptions: Change[] = [];
  readonly #garbage = new Map<Digest, Garbage>();

  /** The links of a repository to what it does not need. */
  links({ name, blobs, manifests, referrers }: Repository, isNeeded: (digest: Digest) => boolean): void {
    for (const [digest, { key, revision }] of manifests) {
      if (isNeeded(digest)) continue;
      const found = this.#found(digest, 'manifest', `no tag, index or subject leads to it in ${name}`);
      found.keys.push({ key, revision });
    }
    for (const [digest, key] of blobs) {
      if (isNeeded(digest)) continue;
      this.#found(digest, 'blob', `no manifest of ${name} names it`).keys.push(key);
    }
    for (const about of referrers.values()) {
      for (const [digest, key] of about) {
        if (!isNeeded(digest)) this.#found(digest, 'manifest', `what it refers to is gone from ${name}`).keys.push(key);
      }
    }
  }

  /** Content to which nothing leads at all. */
  unheld(digest: Digest, kind: Garbage['kind'], keys: readonly Key[]): void {
    const why = kind === 'manifest' ? 'no tag, index or subject leads to it' : 'no manifest and no upload names it';
    const found = this.#found(digest, kind, why);
    found.content = true;
    found.keys.push(...keys);
  }

  #found(digest: Digest, kind: Garbage['kind'], why: string): Garbage {
    let found = this.#garbage.get(digest);
    if (!found) {
      found = { digest, kind, why, content: false, keys: [] };
      this.#garbage.set(digest, found);
    }
    return found;
  }

  inOrder(holds: Holds): Map<Digest, Garbage> {
    const order = holdersFirst(new Set(this.#garbage.keys()), holds);
    return new Map(
      order.flatMap((digest) => {
        const found = this.#garbage.get(digest);
        return found ? [[digest, found] as const] : [];
      }),
    );
  }
}

/** What a repository needs: all that its tags, their history, and its own roots hold. */
function holdingsOf(
  repository: Repository,
  needs: Holds,
): { readonly reached: ReadonlySet<Digest>; readonly adoptions: readonly Change[] } {
  const { housed, history, manifests, referrers } = repository;
  const holds: Holds = (digest) => {
    const about = referrers.get(digest);
    return about ? [...needs(digest), ...about.keys()] : needs(digest);
  };
  const adopted = adoptedIn(repository, holds);
  const own: Digest[] = [];
  const adoptions: Change[] = [];
  for (const [digest, { root, adoption }] of manifests) {
    if (root && adopted.has(digest)) adoptions.push(adoption);
    else if (root && housed) own.push(digest);
  }
  return { reached: reach([...history, ...own], holds), adoptions };
}

/**
 * Manifests that are held by one that was pushed after them, as the children of an index are: they live and die with
 * that, though they were pushed by digest. What was pushed by digest later than what holds it stays for itself.
 */
function adoptedIn({ manifests }: Repository, holds: Holds): Set<Digest> {
  const adopted = new Set<Digest>();
  for (const [holder, { revision }] of manifests) {
    for (const digest of holds(holder)) {
      const held = manifests.get(digest);
      if (held && held.revision < revision) adopted.add(digest);
    }
  }
  return adopted;
}

/** What refers to each subject, in any repository. */
function referrersIn(repositories: Iterable<Repository>): Map<Digest, Digest[]> {
  const all = new Map<Digest, Digest[]>();
  for (const { referrers } of repositories) {
    for (const [subject, about] of referrers) all.set(subject, [...(all.get(subject) ?? NONE), ...about.keys()]);
  }
  return all;
}

/** What a manifest refers to, all together and what of that it needs. */
interface KnownReferences {
  readonly digests: readonly Digest[];
  readonly needed: readonly Digest[];
  /** Where they are kept; undefined if they had to be read from the manifest. */
  readonly key: Key | undefined;
}

/** What each manifest refers to. Manifests that were pushed before this was kept are read. */
export async function readReferences(
  services: Services,
  manifests: Iterable<Digest>,
  at: Revision,
): Promise<Map<Digest, KnownReferences>> {
  const found = new Map<Digest, KnownReferences>();
  // The same base layers are named over and over: one text for each is enough.
  const texts = new Map<Digest, Digest>();
  const once = (digest: Digest): Digest => {
    const text = texts.get(digest);
    if (text === undefined) texts.set(digest, digest);
    return text ?? digest;
  };
  for await (const { key, value, revision } of entriesAt(services.store, REFERENCES, at)) {
    const known = knownReferences(JSON.parse(value.toString()) as ManifestReferences, once);
    found.set(once(key.slice(REFERENCES.length) as Digest), { ...known, key: { key, revision } });
  }
  for (const digest of manifests) {
    if (found.has(digest)) continue;
    found.set(digest, { ...knownReferences(await referencesIn(services, digest), once), key: undefined });
  }
  return found;
}

function knownReferences(
  { needed, optional }: ManifestReferences,
  once: (digest: Digest) => Digest,
): Pick<KnownReferences, 'digests' | 'needed'> {
  const all = needed.map(once);
  return { digests: [...all, ...optional.map(once)], needed: all };
}

async function referencesIn(services: Services, digest: Digest): Promise<ManifestReferences> {
  const bytes = await readWhole(services.blobs, digest, MANIFEST_BYTES);
  try {
    return bytes ? sortedReferences(parseManifest(bytes, undefined)) : await referencesOfImage(services, digest);
  } catch (error) {
    if (error instanceof ManifestInvalid) return referencesOfImage(services, digest);
    throw error;
  }
}

/** The same as the Image tells it: the manifest is damaged or gone, which is no reason to lose its layers too. */
async function referencesOfImage(services: Services, digest: Digest): Promise<ManifestReferences> {
  const image = await findImage(services, digest);
  const { Id } = (image?.dockerImageMetadata ?? {}) as { readonly Id?: string };
  const layers = (image?.dockerImageLayers ?? []).map(({ name }) => name);
  const children = (image?.dockerImageManifests ?? []).map((child) => child.digest);
  const all = [...(Id ? [Id] : []), ...layers, ...children].map(parseDigest);
  return { needed: [], optional: all.filter((each) => each !== undefined) };
}

/** The Image that a push made; those that came another way are not ours to delete. */
async function ownImage({ store }: Services, digest: Digest, at: Revision): Promise<Key | undefined> {
  const entry = await store.get(imageKey(digest), { fresh: { exactly: at } });
  if (!entry?.value.includes(`"${MANAGED_ANNOTATION}":"true"`)) return undefined;
  return { key: entry.key, revision: entry.revision };
}

/** The digests of all content, in order. */
export async function* contentOf({ blobs }: Services): AsyncGenerator<Digest> {
  let after: Digest | undefined;
  for (;;) {
    const page = await blobs.list(after, BLOB_LIST_PAGE);
    yield* page;
    if (page.length < BLOB_LIST_PAGE) return;
    after = page.at(-1);
  }
}
