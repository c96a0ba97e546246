/** What was read since the last commit of anybody: as long as there is none, it need not be read again. */
import { SQLITE_RECENT_BYTES } from '../../limits.ts';
import type { Entry, Revision } from '../store.ts';
import type { WalIndex } from './walindex.ts';

/** What an entry costs beside its value and key, about. */
const ENTRY_BYTES = 200;

/** Entries and the revision, as they were read from the file. */
export class Recent {
  readonly #index: WalIndex;
  readonly #entries = new Map<string, Entry | undefined>();
  #bytes = 0;
  #revision: Revision | undefined;

  constructor(index: WalIndex) {
    this.#index = index;
  }

  /** The revision, or what `read` gives. */
  revision(read: () => Revision): Revision {
    this.#look();
    this.#revision ??= read();
    return this.#revision;
  }

  /** The entry of a key, or what `read` gives: undefined if there is none. */
  entry(key: string, read: () => Entry | undefined): Entry | undefined {
    this.#look();
    const known = this.#entries.get(key);
    if (known || this.#entries.has(key)) return known;
    const entry = read();
    const bytes = ENTRY_BYTES + key.length + (entry?.value.length ?? 0);
    if (this.#bytes + bytes > SQLITE_RECENT_BYTES) this.#forget();
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    return entry;
  }

  /** Before anything is read from the file: what is read then is at least as new as what was looked at here. */
  #look(): void {
    if (!this.#index.changed()) return;
    this.#forget();
    this.#revision = undefined;
  }

  #forget(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
