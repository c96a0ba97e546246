/** The open file of an upload that this process holds: taking in a source, digesting what is there. */
import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES, BLOB_WRITEBACK_BYTES, SMALL_BLOB_BYTES } from '../../limits.ts';
import { UploadUnknown } from '../blobs.ts';
import { finishedDigest } from '../hashes.ts';
import type { Intake, Piece } from '../intake.ts';
import { type Descriptor, type Disk, errorCode } from './disk.ts';

/** One open file; whoever opens it must close it. */
export class StagedFile {
  readonly path: string;
  readonly fd: Descriptor;
  readonly #disk: Disk;
  #length: number;
  #uncertain = false;
  /** Bytes written since the last time their way to the disk was started, and that start itself. */
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();

  /** @throws {UploadUnknown} if another process has ended the upload since it was taken. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.path = path;
    try {
      this.fd = disk.open(path, 'write');
    } catch (error) {
      throw errorCode(error) === 'ENOENT' ? new UploadUnknown('the upload was ended by another request') : error;
    }
    this.#length = disk.size(this.fd);
  }

  /** Bytes that the file holds: never a hole in them, as pieces are written one after the other. */
  get length(): number {
    return this.#length;
  }

  /**
   * Whether a sync failed. The kernel then forgets which pages never reached the disk, so that reading, and syncing
   * again, succeed over lost content: such a file must not become a blob.
   */
  get uncertain(): boolean {
    return this.#uncertain;
  }

  /**
   * Adds all that comes to the end of the file and to the hash. While the thread pool writes a piece, this thread
   * hashes it and the next one comes in.
   */
  async add(intake: Intake, hash: Hash | undefined): Promise<void> {
    try {
      for (;;) {
        const piece = await intake.next();
        if (piece === undefined) break;
        if (piece.bytes <= SMALL_BLOB_BYTES && intake.exhausted) {
          this.#addNow(piece, hash);
          continue;
        }
        const written = this.#disk.write(this.fd, piece.chunks, this.#length);
        for (const chunk of piece.chunks) hash?.update(chunk);
        await written;
        this.#length += piece.bytes;
        intake.handBack(piece);
        await this.#startSync(piece.bytes);
      }
    } finally {
      await this.#syncing;
    }
  }

  /** Adds the few bytes of a small upload, or the last of a large one. */
  #addNow(piece: Piece, hash: Hash | undefined): void {
    let position = this.#length;
    for (const chunk of piece.chunks) {
      this.#disk.writeNow(this.fd, chunk, position);
      hash?.update(chunk);
      position += chunk.length;
    }
    this.#length = position;
  }

  /** Lets the disk work while the upload is still coming; waits only for the start before. */
  async #startSync(bytes: number): Promise<void> {
    this.#unsynced += bytes;
    if (this.#unsynced < BLOB_WRITEBACK_BYTES) return;
    this.#unsynced = 0;
    await this.#syncing;
    this.#syncing = this.#certain(this.#disk.syncContent(this.fd));
    // It is awaited later; until then its failure must not count as unhandled.
    this.#syncing.catch(() => undefined);
  }

  async #certain(sync: Promise<void>): Promise<void> {
    try {
      await sync;
    } catch (error) {
      this.#uncertain = true;
      throw error;
    }
  }

  /** Resolves when the whole file is on the disk. */
  sync(): Promise<void> {
    return this.#certain(this.#disk.sync(this.fd));
  }

  /** Takes back what was added beyond a length. */
  async truncate(length: number): Promise<void> {
    await this.#disk.truncate(this.fd, length);
    this.#length = length;
  }

  /** Reads the file and digests it; one piece is read while the one before is hashed. */
  async digest(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<Digest> {
    const hash = createHash(algorithm);
    const size = Math.min(this.#length, BLOB_PIECE_BYTES);
    let filling = Buffer.allocUnsafe(size);
    let hashing = Buffer.allocUnsafe(this.#length > size ? size : 0);
    let position = 0;
    let reading = size > 0 ? this.#disk.read(this.fd, filling, position) : undefined;
    while (reading !== undefined) {
      const count = await reading;
      position += count;
      [filling, hashing] = [hashing, filling];
      const more = count > 0 && position < this.#length && !signal.aborted;
      reading = more ? this.#disk.read(this.fd, filling, position) : undefined;
      hash.update(hashing.subarray(0, count));
    }
    signal.throwIfAborted();
    return finishedDigest(algorithm, hash);
  }

  close(): void {
    this.#disk.close(this.fd);
  }
}
