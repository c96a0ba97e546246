/** What of a watched collection its watcher sees: rights to single objects come and go while they are watched. */
import { type KeptObject, nameOfKey } from '../objects/values.ts';
import type { Awaitable, StoreEvent } from '../store/store.ts';
import { scan } from './scan.ts';
import type { ObjectEvent, View } from './watchevents.ts';

/** The objects that one watcher has been told of, or could have listed. */
export class Shown {
  readonly #view: View;
  readonly #sees: (name: string) => Awaitable<boolean>;
  readonly #names = new Set<string>();

  /** `sees` tells whether the watcher may see an object at present. */
  constructor(view: View, sees: (name: string) => Awaitable<boolean>) {
    this.#view = view;
    this.#sees = sees;
  }

  /** Those that the watcher sees; they count as told. */
  async seen(objects: readonly KeptObject[]): Promise<readonly KeptObject[]> {
    const found: KeptObject[] = [];
    for (const kept of objects) {
      const name = this.#nameOf(kept.head.key);
      if (!(await this.#sees(name))) continue;
      this.#names.add(name);
      found.push(kept);
    }
    return found;
  }

  /** What an event is to the watcher: undefined if they neither see the object nor knew of it. */
  async told(event: StoreEvent, told: ObjectEvent | undefined): Promise<ObjectEvent | undefined> {
    if (!told) return undefined;
    const name = this.#nameOf(event.key);
    const known = this.#names.has(name);
    if (told.type === 'DELETED') {
      this.#names.delete(name);
      return known ? told : undefined;
    }
    if (await this.#sees(name)) {
      this.#names.add(name);
      return { ...told, type: known ? 'MODIFIED' : 'ADDED' };
    }
    this.#names.delete(name);
    return known ? { ...told, type: 'DELETED' } : undefined;
  }

  /** What has come into sight, and gone out of it, since rights were changed: in the states that the objects are in. */
  async changed(): Promise<ObjectEvent[]> {
    const { services, resource, selection } = this.#view;
    const events: ObjectEvent[] = [];
    for await (const page of scan(services, resource, '', selection, { fresh: 'latest', limit: 0 })) {
      for (const kept of page.selected) {
        const name = this.#nameOf(kept.head.key);
        const [known, sees] = [this.#names.has(name), await this.#sees(name)];
        if (known === sees) continue;
        if (sees) this.#names.add(name);
        else this.#names.delete(name);
        events.push({ type: sees ? 'ADDED' : 'DELETED', kept, revision: kept.head.revision });
      }
    }
    return events;
  }

  /** The watcher has seen an object before: if they no longer do, they are told. */
  saw(name: string): void {
    this.#names.add(name);
  }

  /** Takes note of what the watcher sees before the watch begins, which they have listed. */
  async begin(): Promise<void> {
    await this.changed();
  }

  #nameOf(key: string): string {
    return nameOfKey(this.#view.resource, key).name;
  }
}
