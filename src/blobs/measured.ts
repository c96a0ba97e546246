/** Blobs whose operations are timed and whose failures are counted, by the names that OpenShift's registry gives them. */
import { type BlobBody, BlobError, type Blobs, BlobsFull, UploadOffset, UploadUnknown } from './blobs.ts';

/** What is told of each operation. */
export interface StorageMeter {
  took(operation: string, seconds: number): void;
  failed(operation: string, code: string): void;
}

/** As image-registry's errorcodes.go has it; undefined for what is the client's doing, or its source's. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof BlobsFull) return 'DEVICE_OUT_OF_SPACE';
  if (error instanceof UploadUnknown) return 'PATH_NOT_FOUND';
  if (error instanceof UploadOffset) return 'INVALID_OFFSET';
  return error instanceof BlobError && UNKNOWN.has(error.name) ? 'UNKNOWN' : undefined;
}

const UNKNOWN: ReadonlySet<string> = new Set(['BlobError', 'BlobsUnavailable']);

/** The same blobs. A read is timed until it is open. */
export function measuredBlobs(blobs: Blobs, meter: StorageMeter): Blobs {
  const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
    const operation = `StorageDriver.${name}`;
    const began = performance.now();
    try {
      return await work;
    } catch (error) {
      const code = codeOf(error);
      if (code !== undefined) meter.failed(operation, code);
      throw error;
    } finally {
      meter.took(operation, (performance.now() - began) / 1000);
    }
  };
  const { redirect, keep } = blobs;
  return {
    stat: (digest) => timed('Stat', blobs.stat(digest)),
    ...(redirect && { redirect: (digest) => timed('RedirectURL', redirect(digest)) }),
    read: (digest, range) => timed<BlobBody | undefined>('Reader', blobs.read(digest, range)),
    put: (digest, bytes) => timed('PutContent', blobs.put(digest, bytes)),
    ...(keep && { keep: (digest, source) => timed('PutContent', keep(digest, source)) }),
    begin: () => timed('Writer', blobs.begin()),
    uploaded: (id) => timed('Stat', blobs.uploaded(id)),
    append: (id, offset, source) => timed('Writer', blobs.append(id, offset, source)),
    commit: (id, digest) => timed('Move', blobs.commit(id, digest)),
    abort: (id) => timed('Delete', blobs.abort(id)),
    delete: (digest) => timed('Delete', blobs.delete(digest)),
    list: (after, limit) => timed('List', blobs.list(after, limit)),
    staleUploads: (before) => timed('Walk', blobs.staleUploads(before)),
    ...(blobs.lingers && { lingers: blobs.lingers }),
    close: () => blobs.close(),
  };
}
