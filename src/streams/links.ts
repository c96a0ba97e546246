/** Links: what may be read through a repository. The presence of bytes gives no right to them; a link does. */
import type { Digest } from '../image/digest.ts';
import type { ManifestReferences } from '../image/manifest.ts';
import type { Change, Revision } from '../store/store.ts';

export interface RepositoryName {
  readonly namespace: string;
  readonly stream: string;
}

/** A manifest that may be pulled from a repository. */
export interface ManifestLink {
  /** As it was pushed; the Image has this name. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** It was pushed by its digest: nothing else leads to it, so it stays until it is deleted (or is taken over). */
  readonly root?: true;
}

/** A manifest that refers to another by its `subject`, as a descriptor. */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where the links of all repositories are kept. */
export const LINKS = '/repositories/';

/** Where all that is linked to a repository is kept. */
export function repositoryPrefix({ namespace, stream }: RepositoryName): string {
  return `${LINKS}${namespace}/${stream}/`;
}

/** Where manifests are described, each by its digest. */
export const DESCRIPTIONS = '/manifests/';
/** Where it is kept what manifests refer to, each by its digest. */
export const REFERENCES = '/references/';

/** Where a manifest is described, once for all repositories. */
export function describedKey(digest: Digest): string {
  return DESCRIPTIONS + digest;
}

/** What a manifest refers to, as it is kept. */
export interface KeptReferences extends ManifestReferences {
  /** Children of an index that nobody who pushed it could read in the repository: the index gives no right to them. */
  readonly foreign?: readonly Digest[];
}

/** Where it is kept what a manifest refers to. */
export function referencesKey(digest: Digest): string {
  return REFERENCES + digest;
}

/** The change that keeps what a manifest refers to, so that nobody has to read it. It fails unless `expect` is true. */
export function referencesChange(digest: Digest, references: KeptReferences, expect: Revision): Change {
  return { op: 'put', key: referencesKey(digest), value: Buffer.from(JSON.stringify(references)), expect };
}

/** Where it is kept that a manifest may be pulled from a repository. */
export function manifestKey(repo: RepositoryName, digest: Digest): string {
  return `${repositoryPrefix(repo)}manifests/${digest}`;
}

/** Where it is kept that a blob may be read through a repository; the value is its size. */
export function blobKey(repo: RepositoryName, digest: Digest): string {
  return `${repositoryPrefix(repo)}blobs/${digest}`;
}

/** Where a referrer of a manifest is kept; with '' the prefix of all of them. */
export function referrerKey(repo: RepositoryName, subject: Digest, digest: Digest | ''): string {
  return `${repositoryPrefix(repo)}referrers/${subject}/${digest}`;
}

/** The changes that let a manifest be pulled from a repository, and be found from its subject. */
export function manifestLinks(
  repo: RepositoryName,
  link: ManifestLink,
  referrer: { readonly subject: Digest; readonly descriptor: Referrer } | undefined,
): Change[] {
  const changes: Change[] = [
    { op: 'put', key: describedKey(link.digest), value: withoutRoot(link) },
    { op: 'put', key: manifestKey(repo, link.digest), value: Buffer.from(JSON.stringify(link)) },
  ];
  if (referrer) {
    const key = referrerKey(repo, referrer.subject, link.digest);
    changes.push({ op: 'put', key, value: Buffer.from(JSON.stringify(referrer.descriptor)) });
  }
  return changes;
}

/** The value of a link that is kept by what leads to it. */
export function withoutRoot({ digest, mediaType, size }: ManifestLink): Buffer {
  return Buffer.from(JSON.stringify({ digest, mediaType, size }));
}

/** The changes that undo `manifestLinks` for one repository. */
export function manifestUnlinks(repo: RepositoryName, digest: Digest, subject: Digest | undefined): Change[] {
  const changes: Change[] = [{ op: 'delete', key: manifestKey(repo, digest) }];
  if (subject) changes.push({ op: 'delete', key: referrerKey(repo, subject, digest) });
  return changes;
}
