/** Uploads on the disk: one piece of work on each at a time, and what becomes of it when something fails. */
import { type Digest, digestAlgorithm } from '../../image/digest.ts';
import {
  type BlobStream,
  BlobsUnavailable,
  type CommittedBlob,
  DigestMismatch,
  type UploadId,
  UploadOffset,
  UploadUnknown,
} from '../blobs.ts';
import { finishedDigest, RunningHashes } from '../hashes.ts';
import type { Intake } from '../intake.ts';
import { newUploadId } from '../uploadid.ts';
import { UploadWork } from '../uploadwork.ts';
import type { Content } from './content.ts';
import { type Disk, diskError } from './disk.ts';
import type { Holds } from './holds.ts';
import type { Layout } from './layout.ts';
import { StagedFile } from './staged.ts';

/** The uploads of one folder, as one process works on them. */
export class Uploads {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #holds: Holds;
  readonly #content: Content;
  readonly #hashes = new RunningHashes();
  readonly #work = new UploadWork();
  readonly #closing = new AbortController();

  constructor(disk: Disk, layout: Layout, holds: Holds, content: Content) {
    this.#disk = disk;
    this.#layout = layout;
    this.#holds = holds;
    this.#content = content;
  }

  /** An upload is there as soon as its file is; a power cut may take one that holds nothing yet. */
  begin(): UploadId {
    const id = newUploadId();
    this.#disk.close(this.#disk.open(this.#layout.upload(id), 'new'));
    return id;
  }

  async length(id: UploadId): Promise<number | undefined> {
    return (await this.#holds.facts(id))?.size;
  }

  /** The source's own error stays as it is; it may look like one of the disk. */
  async append(id: UploadId, offset: number, source: BlobStream): Promise<number> {
    return await this.#work.append(id, source, (intake) =>
      this.#held(id, 'keep an upload', async (path) => {
        const length = await this.#addTo(id, path, offset, intake);
        this.#holds.release(id);
        return length;
      }),
    );
  }

  /** Works on an upload's file while this process holds it; gives it back if that fails. */
  async #held<T>(id: UploadId, doing: string, work: (path: string) => Promise<T>): Promise<T> {
    try {
      const path = await this.#holds.take(id);
      try {
        return await work(path);
      } catch (error) {
        // What another process makes of the upload after this is not what was hashed here.
        if (error instanceof UploadUnknown) this.#hashes.drop(id);
        this.#releaseQuietly(id);
        throw error;
      }
    } catch (error) {
      throw diskError(error, doing);
    }
  }

  /** Adds the source to the file and returns the length then; after an error of the disk the file is as before. */
  async #addTo(id: UploadId, path: string, offset: number, intake: Intake): Promise<number> {
    const file = new StagedFile(this.#disk, path);
    try {
      if (file.length !== offset) throw new UploadOffset(file.length);
      const hash = this.#hashes.take(id, offset);
      await file.add(intake, hash);
      if (hash !== undefined) this.#hashes.keep(id, hash, file.length);
      return file.length;
    } catch (error) {
      if (file.uncertain) this.#disk.unlink(path);
      else if (!(error instanceof UploadOffset)) await this.#takeBack(file, offset);
      throw error;
    } finally {
      file.close();
    }
  }

  /** Should this fail too, the bytes that stay are bytes that came: `uploaded` counts them, and all is well. */
  async #takeBack(file: StagedFile, length: number): Promise<void> {
    try {
      await file.truncate(length);
    } catch {
      // The error that led here says more.
    }
  }

  /** After a failure, when the reason of that is what the caller must learn. */
  #releaseQuietly(id: UploadId): void {
    try {
      this.#holds.release(id);
    } catch {
      // Gone already, or it stays held by this owner, where `take` finds it.
    }
  }

  async commit(id: UploadId, digest: Digest): Promise<CommittedBlob> {
    return await this.#work.commit(id, () => this.#held(id, 'keep a blob', (path) => this.#commit(id, path, digest)));
  }

  async #commit(id: UploadId, path: string, digest: Digest): Promise<CommittedBlob> {
    const file = new StagedFile(this.#disk, path);
    try {
      const actual = await this.#digest(id, file, digest);
      if (actual !== digest) {
        this.#disk.unlink(path);
        throw new DigestMismatch(digest, actual);
      }
      const placed = await this.#content.place(file, digest);
      return { digest, size: file.length, placed, ...(placed && { version: this.#disk.state(file.fd).touched }) };
    } finally {
      if (file.uncertain) this.#disk.unlink(path);
      file.close();
    }
  }

  async #digest(id: UploadId, file: StagedFile, expected: Digest): Promise<Digest> {
    const algorithm = digestAlgorithm(expected);
    const hash = this.#hashes.take(id, file.length);
    if (hash !== undefined && algorithm === 'sha256') return finishedDigest(algorithm, hash);
    return await file.digest(algorithm, this.#closing.signal);
  }

  /** Drops an upload; an append under way breaks off, a commit comes to its end first. */
  async abort(id: UploadId): Promise<boolean> {
    await this.#work.end(id, new UploadUnknown('the upload was ended by another request'));
    this.#hashes.drop(id);
    return await this.#holds.remove(id);
  }

  async stale(before: Date): Promise<UploadId[]> {
    const found: UploadId[] = [];
    for await (const [id, facts] of this.#holds.idle()) {
      if (facts.changed < before && !this.#work.has(id)) found.push(id);
    }
    return found;
  }

  /** Breaks off what is under way and resolves when all of it has let go. */
  async close(): Promise<void> {
    const reason = new BlobsUnavailable('the blob store is closing');
    this.#closing.abort(reason);
    await this.#work.endAll(reason);
  }
}
