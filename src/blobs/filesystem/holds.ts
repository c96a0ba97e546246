/**
 * Who may write an upload's file. To work on an upload a process moves `uploads/<id>` into its own folder
 * `held/<owner>/` and back when it is done. A rename succeeds for exactly one, so two processes never write one file,
 * and none writes a file that another has made a blob; it costs 15 µs and needs no clean-up by a living process.
 *
 * An upload that a dead process held is taken over. Should that process not be dead after all (it runs in another
 * container and cannot be seen), it still has the file open: so the content is copied to a new file, which only the
 * new holder has. The old one finds its name gone and reports that the upload is unknown.
 */
import { endOwner, fateOf, newOwner, type Owner } from '../../store/owner.ts';
import type { UploadId } from '../blobs.ts';
import { UploadBusy, UploadUnknown } from '../blobs.ts';
import { parseUploadId } from '../uploadid.ts';
import type { Disk, FileFacts } from './disk.ts';
import type { Layout } from './layout.ts';

/** Looks for a name again before saying that there is none: it may have moved while we looked. */
const LOOKS = 3;

/** What one owner holds, and its view of what the others hold. */
export class Holds {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #owner: Owner = newOwner();
  readonly #folder: string;
  #temporary = 0;

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk;
    this.#layout = layout;
    this.#folder = `${layout.held}/${this.#owner}`;
  }

  /** Makes the folder of this owner and removes what dead owners have left but for their uploads. */
  async open(): Promise<void> {
    this.#disk.makeFolder(this.#folder);
    for (const owner of await this.#others()) {
      if (fateOf(owner) === 'alive') continue;
      const folder = `${this.#layout.held}/${owner}`;
      for (const name of await this.#disk.names(folder)) {
        if (!/^[0-9a-f]{32}(?:\.taken)?$/.test(name)) this.#disk.unlink(`${folder}/${name}`);
      }
      this.#disk.removeFolder(folder);
    }
  }

  close(): void {
    this.abandon();
    this.#disk.removeFolder(this.#folder);
  }

  /** Ends this owner and leaves the disk alone. */
  abandon(): void {
    endOwner(this.#owner);
  }

  /** A path that nobody else uses, for a file that will be renamed. */
  temporary(): string {
    this.#temporary += 1;
    // As in `take`: a process that cannot see this one may have removed the folder.
    if (this.#disk.facts(this.#folder) === undefined) this.#disk.makeFolder(this.#folder);
    return `${this.#folder}/put-${this.#temporary}`;
  }

  async #others(): Promise<Owner[]> {
    return (await this.#disk.names(this.#layout.held)).filter((owner) => owner !== this.#owner);
  }

  #own(id: UploadId): string {
    return `${this.#folder}/${id}`;
  }

  /**
   * Takes an upload for this owner. The caller sees to it that this process works on it only once at a time.
   * @returns the path of its file until `release`.
   * @throws {UploadUnknown}; {UploadBusy} if a living process holds it.
   */
  async take(id: UploadId): Promise<string> {
    const own = this.#own(id);
    for (let look = 0; look < LOOKS; look += 1) {
      if (this.#disk.rename(this.#layout.upload(id), own)) return own;
      // The owner's folder may have been removed as that of a dead one, by a process that cannot see this one.
      if (this.#disk.makeFolder(this.#folder) && this.#disk.rename(this.#layout.upload(id), own)) return own;
      // A release that failed left it here.
      if (this.#disk.facts(own) !== undefined) return own;
      for (const owner of await this.#others()) {
        const path = this.#pathAt(owner, id);
        if (path === undefined) continue;
        if (fateOf(owner) === 'alive') throw new UploadBusy('another process is working on this upload');
        if (await this.#takeOver(path, own)) return own;
      }
    }
    throw new UploadUnknown('there is no such upload; begin a new one');
  }

  #pathAt(owner: Owner, id: UploadId): string | undefined {
    const path = `${this.#layout.held}/${owner}/${id}`;
    // `.taken` is left if the owner died while it took the upload over itself.
    return [path, `${path}.taken`].find((candidate) => this.#disk.facts(candidate) !== undefined);
  }

  /** Copies the file of a dead owner. Whether it was there. */
  async #takeOver(path: string, own: string): Promise<boolean> {
    const taken = `${own}.taken`;
    const copy = `${own}.copy`;
    if (!this.#disk.rename(path, taken)) return false;
    try {
      this.#disk.unlink(copy);
      await this.#disk.copy(taken, copy);
      this.#disk.rename(copy, own);
    } catch (error) {
      this.#disk.unlink(copy);
      this.#disk.rename(taken, path);
      throw error;
    }
    this.#disk.unlink(taken);
    return true;
  }

  /**
   * Gives an upload back.
   * @throws {UploadUnknown} if it was aborted, or taken over, by another process.
   */
  release(id: UploadId): void {
    if (this.#disk.rename(this.#own(id), this.#layout.upload(id))) return;
    throw new UploadUnknown('the upload was ended by another request');
  }

  /** Facts of an upload's file, whoever holds it. */
  async facts(id: UploadId): Promise<FileFacts | undefined> {
    for (let look = 0; look < LOOKS; look += 1) {
      const facts = this.#disk.facts(this.#layout.upload(id)) ?? this.#disk.facts(this.#own(id));
      if (facts !== undefined) return facts;
      for (const owner of await this.#others()) {
        const path = this.#pathAt(owner, id);
        const held = path === undefined ? undefined : this.#disk.facts(path);
        if (held !== undefined) return held;
      }
    }
    return undefined;
  }

  /** Removes an upload's file, whoever holds it. Whether there was one. */
  async remove(id: UploadId): Promise<boolean> {
    for (let look = 0; look < LOOKS; look += 1) {
      const folders = (await this.#others()).map((owner) => `${this.#layout.held}/${owner}`);
      const paths = [this.#layout.upload(id), this.#own(id), ...folders.map((folder) => `${folder}/${id}`)];
      const removed = paths.filter((path) => this.#disk.unlink(path)).length > 0;
      const left = folders.filter((folder) => this.#disk.unlink(`${folder}/${id}.taken`)).length > 0;
      if (removed || left) return true;
    }
    return false;
  }

  /** Uploads that nobody living holds, with the facts of their files. */
  async *idle(): AsyncGenerator<readonly [UploadId, FileFacts]> {
    const dead = (await this.#others()).filter((owner) => fateOf(owner) !== 'alive');
    for (const folder of [this.#layout.uploads, ...dead.map((owner) => `${this.#layout.held}/${owner}`)]) {
      for (const name of await this.#disk.names(folder)) {
        const id = parseUploadId(name.replace(/\.taken$/, ''));
        const facts = id === undefined ? undefined : this.#disk.facts(`${folder}/${name}`);
        if (id !== undefined && facts !== undefined) yield [id, facts];
      }
    }
  }
}
