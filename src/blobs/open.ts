/** Opens the blobs that the configuration names. A driver and its libraries are loaded when they are needed only. */
import type { Store } from '../store/store.ts';
import type { Blobs } from './blobs.ts';
import type { BlobFigures } from './figures.ts';
import type { S3Address } from './s3/address.ts';

/** Where blobs are kept. */
export type BlobsPlace =
  | { readonly kind: 'filesystem'; readonly folder: string }
  | { readonly kind: 's3'; readonly address: S3Address };

export interface OpenBlobsOptions {
  /** The store of objects; S3 keeps there what is to come of an upload. */
  readonly store: Store;
  /** Hears of what does not work at the moment. */
  readonly warn: (text: string) => void;
  readonly figures?: BlobFigures;
}

/** @throws {BlobsUnavailable} if they cannot be used before somebody changes something; {BlobsFull}. */
export async function openBlobs(place: BlobsPlace, options: OpenBlobsOptions): Promise<Blobs> {
  if (place.kind === 's3') {
    const { openS3Blobs } = await import('./s3/s3.ts');
    return await openS3Blobs({ address: place.address, ...options });
  }
  const { openFilesystemBlobs } = await import('./filesystem/filesystem.ts');
  return await openFilesystemBlobs({ folder: place.folder });
}
