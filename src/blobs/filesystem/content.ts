/** Blobs under their final names: a name is given only to a whole, synced file and never to another content. */
import { dirname } from 'node:path';
import type { Digest } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES, DURABLE_BLOBS, SMALL_BLOB_BYTES } from '../../limits.ts';
import { BoundedCache } from '../../objects/cache.ts';
import { type BlobBody, type BlobStream, BlobsUnavailable, type ByteRange, UploadUnknown } from '../blobs.ts';
import { inPieces } from '../pieces.ts';
import { type Descriptor, type Disk, diskError, errorCode, syncFolder } from './disk.ts';
import type { Layout } from './layout.ts';

/** A whole file that waits for its final name. */
interface Candidate {
  readonly path: string;
  readonly length: number;
  sync(): Promise<void>;
}

function cutShort(digest: Digest): BlobsUnavailable {
  return new BlobsUnavailable(`the file of blob ${digest} ended early; check the disk of the blob store`);
}

/** The blobs of one folder. */
export class Content {
  readonly #disk: Disk;
  readonly #layout: Layout;
  /** Small blobs whose names are known to be on the disk, with when their content was written. */
  readonly #durable = new BoundedCache<number>(DURABLE_BLOBS);

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
  }

  stat(digest: Digest): number | undefined {
    return this.#disk.facts(this.#layout.blob(digest))?.size;
  }

  /** Few bytes are read at once in this thread (16 µs against 134 in the thread pool), many are streamed. */
  read(digest: Digest, range: ByteRange | undefined): BlobBody | undefined {
    const fd = this.#open(digest);
    if (fd === undefined) return undefined;
    let streaming = false;
    try {
      const { size, touched: version } = this.#disk.state(fd);
      const start = range?.start ?? 0;
      const end = range === undefined ? size : range.end + 1;
      if (end - start > SMALL_BLOB_BYTES) {
        streaming = true;
        return { size, version, stream: this.#stream(digest, fd, start, end) };
      }
      const bytes = Buffer.allocUnsafe(end - start);
      if (this.#disk.readNow(fd, bytes, start) < bytes.length) throw cutShort(digest);
      return { size, version, bytes };
    } finally {
      if (!streaming) this.#disk.close(fd);
    }
  }

  /** Streams bytes `start` to before `end` of an open file, and closes it. */
  #stream(digest: Digest, fd: Descriptor, start: number, end: number): BlobStream {
    const spare: ArrayBufferLike[] = [];
    const read = async (from: number, to: number): Promise<Buffer> => {
      const memory = spare.pop() ?? new ArrayBuffer(Math.min(BLOB_PIECE_BYTES, end - start));
      const piece = Buffer.from(memory, 0, to - from);
      try {
        if ((await this.#disk.read(fd, piece, start + from)) < piece.length) throw cutShort(digest);
      } catch (error) {
        throw diskError(error, `read blob ${digest}`);
      }
      return piece;
    };
    return inPieces(end - start, {
      read,
      close: () => this.#disk.close(fd),
      handBack: ({ buffer }) => spare.push(buffer),
    });
  }

  #open(digest: Digest): Descriptor | undefined {
    try {
      return this.#disk.open(this.#layout.blob(digest), 'read');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Gives a file its final name; it has been checked against the digest. Durable when it resolves. If the blob is
   * there the file is dropped, unless the one there has another size: then it was damaged and is replaced. Whether the
   * file is the blob now.
   * @throws {UploadUnknown} if the file's own name is gone.
   */
  async place(file: Candidate, digest: Digest): Promise<boolean> {
    const path = this.#layout.blob(digest);
    const folder = dirname(path);
    const wasThere = this.stat(digest) === file.length;
    if (wasThere) {
      this.#disk.unlink(file.path);
    } else {
      await file.sync();
      await this.#layout.durableFolder(folder);
      if (!this.#disk.rename(file.path, path)) {
        // Either name may be the missing one: somebody may have removed the folder since it was made.
        this.#layout.forgetFolder(folder);
        await this.#layout.durableFolder(folder);
        if (!this.#disk.rename(file.path, path)) throw new UploadUnknown('the upload was ended by another request');
      }
    }
    // Also for a blob that was there: whoever placed it may not have come to this yet.
    await syncFolder(this.#disk, folder);
    return !wasThere;
  }

  /** Keeps few bytes that were checked against the digest, by way of a file at `path`, which nobody else uses. */
  async put(path: string, digest: Digest, bytes: Buffer): Promise<void> {
    if (this.stat(digest) === bytes.length) return this.#ensureDurable(digest);
    const fd = this.#disk.open(path, 'new');
    try {
      if (bytes.length <= SMALL_BLOB_BYTES) this.#disk.writeNow(fd, bytes, 0);
      else await this.#disk.write(fd, [bytes], 0);
      const written = this.#changed(path);
      await this.place({ path, length: bytes.length, sync: () => this.#disk.sync(fd) }, digest);
      this.#remember(digest, written);
    } catch (error) {
      this.#disk.unlink(path);
      throw error;
    } finally {
      this.#disk.close(fd);
    }
  }

  /** Whoever placed what is there may not have synced its name yet; what was placed or synced here need not be again. */
  async #ensureDurable(digest: Digest): Promise<void> {
    const path = this.#layout.blob(digest);
    const changed = this.#changed(path);
    if (changed !== undefined && this.#durable.get(digest) === changed) return;
    await syncFolder(this.#disk, dirname(path));
    this.#remember(digest, changed);
  }

  #remember(digest: Digest, changed: number | undefined): void {
    if (changed !== undefined) this.#durable.set(digest, changed, 1);
  }

  /** When a file was written: tells it from one that had, or will have, the same name. */
  #changed(path: string): number | undefined {
    return this.#disk.facts(path)?.changed.getTime();
  }

  async delete(digest: Digest): Promise<boolean> {
    const path = this.#layout.blob(digest);
    if (!this.#disk.unlink(path)) return false;
    await syncFolder(this.#disk, dirname(path));
    return true;
  }
}
