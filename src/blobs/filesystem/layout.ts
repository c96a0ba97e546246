/**
 * Where things lie under the folder of the filesystem driver:
 *
 * - `blobs/sha256/ab/abcd…`  content under its final name: always whole, always synced before it got the name
 * - `uploads/<id>`           an upload that nobody is working on
 * - `held/<owner>/<id>`      the same file while a process appends to it or commits it (holds.ts)
 *
 * Digests are parsed before they come here, and only an upload id of the right form becomes a path.
 */
import { dirname, join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../../image/digest.ts';
import type { UploadId } from '../blobs.ts';
import { type Disk, syncFolder } from './disk.ts';

/** In the order of their text. */
const ALGORITHMS = ['sha256', 'sha512'] as const;

/** The names under one folder, and the folders that they need. */
export class Layout {
  readonly uploads: string;
  readonly held: string;
  readonly #root: string;
  readonly #disk: Disk;
  /** Folders whose name this process knows to be on the disk. */
  readonly #durable = new Map<string, Promise<void>>();

  constructor(root: string, disk: Disk) {
    this.#root = root;
    this.#disk = disk;
    this.uploads = join(root, 'uploads');
    this.held = join(root, 'held');
  }

  /** Makes the folders that are not there yet. */
  async prepare(): Promise<void> {
    await this.durableFolder(this.#root);
    await this.durableFolder(this.uploads);
    await this.durableFolder(this.held);
    for (const algorithm of ALGORITHMS) await this.durableFolder(join(this.#root, 'blobs', algorithm));
  }

  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#root}/blobs/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  upload(id: UploadId): string {
    return `${this.uploads}/${id}`;
  }

  /**
   * Makes a folder and those above it, if need be, and resolves when their names are on the disk. A folder that is
   * there already is synced once too: the process that made it may not have come to that yet.
   */
  durableFolder(path: string): Promise<void> {
    const known = this.#durable.get(path);
    if (known !== undefined) return known;
    const made = this.#makeDurable(path);
    this.#durable.set(path, made);
    made.catch(() => this.#durable.delete(path));
    return made;
  }

  /** Forgets that a folder is there: somebody removed it. */
  forgetFolder(path: string): void {
    this.#durable.delete(path);
  }

  async #makeDurable(path: string): Promise<void> {
    const parent = dirname(path);
    // Folders above the driver's own are the operator's: they are made if missing, and only then synced.
    const foreign = !path.startsWith(this.#root);
    if (foreign && this.#disk.facts(path) !== undefined) return;
    if (parent !== path) await this.durableFolder(parent);
    const made = this.#disk.makeFolder(path);
    if (made || path !== this.#root) await syncFolder(this.#disk, parent);
  }

  /** Digests after that one, in the order of their text, at most `limit`; reads one folder of 256 at a time. */
  async list(after: Digest | undefined, limit: number): Promise<Digest[]> {
    const found: Digest[] = [];
    for (const algorithm of ALGORITHMS) {
      if (after !== undefined && algorithm < digestAlgorithm(after)) continue;
      const within = after !== undefined && algorithm === digestAlgorithm(after) ? digestHex(after) : '';
      const folder = join(this.#root, 'blobs', algorithm);
      const prefixes = (await this.#disk.names(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name)).sort();
      for (const prefix of prefixes) {
        if (found.length >= limit) return found;
        if (prefix < within.slice(0, 2)) continue;
        const names = (await this.#disk.names(join(folder, prefix))).sort();
        for (const name of names) {
          const digest = name > within && name.startsWith(prefix) ? parseDigest(`${algorithm}:${name}`) : undefined;
          if (digest !== undefined && found.length < limit) found.push(digest);
        }
      }
    }
    return found;
  }
}
