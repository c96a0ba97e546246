/**
 * Blobs in a folder of this machine, which several processes may share. layout.ts says where things lie, holds.ts who
 * may write them, uploads.ts and content.ts what happens to them.
 */
import { resolve } from 'node:path';
import { type Blobs, BlobsUnavailable, type UploadId, UploadUnknown } from '../blobs.ts';
import { parseUploadId } from '../uploadid.ts';
import { Content } from './content.ts';
import { type Disk, diskError, machineDisk } from './disk.ts';
import { Holds } from './holds.ts';
import { Layout } from './layout.ts';
import { Uploads } from './uploads.ts';

export interface FilesystemBlobsOptions {
  /** Made if it is not there, with mode 0700. */
  readonly folder: string;
  /** Another disk than the machine's own, for tests. */
  readonly disk?: Disk;
}

/**
 * Opens the blobs under a folder.
 * @throws {BlobsUnavailable} if the folder cannot be made or used; {BlobsFull}.
 */
export async function openFilesystemBlobs({ folder, disk = machineDisk }: FilesystemBlobsOptions): Promise<Blobs> {
  const layout = new Layout(resolve(folder), disk);
  const holds = new Holds(disk, layout);
  try {
    await layout.prepare();
    await holds.open();
  } catch (error) {
    holds.abandon();
    throw diskError(error, `open the blob store in ${folder}`);
  }
  return driver(disk, layout, holds);
}

function driver(disk: Disk, layout: Layout, holds: Holds): Blobs {
  const content = new Content(disk, layout);
  const uploads = new Uploads(disk, layout, holds, content);
  const puts = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  /** Runs a call with the disk's errors translated. */
  const answer = async <T>(doing: string, act: () => T | Promise<T>): Promise<T> => {
    if (closing !== undefined) throw new BlobsUnavailable('the blob store is closed');
    try {
      return await act();
    } catch (error) {
      throw diskError(error, doing);
    }
  };
  const known = (id: UploadId): UploadId => {
    if (parseUploadId(id) === undefined) throw new UploadUnknown('there is no such upload; its id is malformed');
    return id;
  };

  return {
    stat: (digest) => answer('look for a blob', () => content.stat(digest)),
    read: (digest, range) => answer('read a blob', () => content.read(digest, range)),
    put: (digest, bytes) =>
      answer('keep a blob', async () => {
        const put = content.put(holds.temporary(), digest, bytes);
        puts.add(put);
        try {
          await put;
        } finally {
          puts.delete(put);
        }
      }),
    begin: () => answer('begin an upload', () => uploads.begin()),
    uploaded: (id) =>
      answer('look for an upload', () => (parseUploadId(id) === undefined ? undefined : uploads.length(id))),
    // Not translated here: what it throws may be the source's own error, which looks like the disk's.
    append: async (id, offset, source) => {
      if (closing !== undefined) throw new BlobsUnavailable('the blob store is closed');
      return await uploads.append(known(id), offset, source);
    },
    commit: (id, digest) => answer('keep a blob', () => uploads.commit(known(id), digest)),
    abort: (id) => answer('drop an upload', () => parseUploadId(id) !== undefined && uploads.abort(id)),
    delete: (digest) => answer('delete a blob', () => content.delete(digest)),
    list: (after, limit) => answer('list blobs', () => layout.list(after, limit)),
    staleUploads: (before) => answer('list uploads', () => uploads.stale(before)),
    close: () => {
      closing ??= Promise.allSettled([uploads.close(), ...puts]).then(() => holds.close());
      return closing;
    },
  };
}
