/** A repository of the registry: an ImageStream, and what may be read through it. */
import type { Digest } from '../image/digest.ts';

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
}
