/** The seam to other registries: what imports ask of them. */
import type { Digest } from '../image/digest.ts';
import type { DockerImageReference } from '../image/reference.ts';

/** A user of another registry. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

export interface OpenOptions {
  /** Whether certificates go unchecked, and plain HTTP will do where there is no TLS. */
  readonly insecure: boolean;
  readonly credentials: RegistryCredentials | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Every other registry. */
export interface RemoteRegistries {
  /** The repository of a reference; its tag and digest are not looked at. Nothing is connected to before it is needed. */
  open(reference: DockerImageReference, options: OpenOptions): RemoteRepository;
}

export interface RemoteManifest {
  readonly bytes: Buffer;
  /** As the registry declares it, without parameters. */
  readonly mediaType: string;
  /** Of the bytes; of schema 1 without its signatures. By the algorithm that was asked with. */
  readonly digest: Digest;
}

/** One repository of another registry. What arrives by digest has been checked against it. Each call throws RemoteError. */
export interface RemoteRepository {
  getManifest(reference: { readonly tag: string } | { readonly digest: Digest }): Promise<RemoteManifest>;
  /** A small blob, such as a config, as a whole. */
  getBlob(digest: Digest, maxBytes: number): Promise<Buffer>;
  /** Bytes of a blob. */
  statBlob(digest: Digest): Promise<number>;
  /** In the registry's order, all pages. */
  listTags(): Promise<readonly string[]>;
}

export type RemoteErrorKind =
  /** The registry has no such manifest, repository or blob. */
  | 'not-found'
  /** The registry refused the request, with or without credentials. */
  | 'unauthorized'
  /** It asks for a password, and there is none. */
  | 'no-credentials'
  /** Whoever issues its tokens does not know these credentials. */
  | 'wrong-credentials'
  /** Anything else: not reached, not understood, not allowed. */
  | 'failed';

/** Another registry did not give what was asked for. The words are those of Go's clients where they have some. */
export class RemoteError extends Error {
  override name = 'RemoteError';
  readonly kind: RemoteErrorKind;
  constructor(kind: RemoteErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
