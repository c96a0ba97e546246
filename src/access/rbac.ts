/**
 * Role-based access control: follows the roles and bindings of the store and answers from memory. While they are not
 * known (at the start, or after the store has ended the watch), questions wait; they are never answered from what is old.
 */
import { LIST_PAGE_OBJECTS } from '../limits.ts';
import type { Awaitable, Page, Store, Watch } from '../store/store.ts';
import type { Rules } from './authorizer.ts';
import { Policy } from './policy.ts';
import { POLICY_PREFIX } from './role.ts';
import type { Attributes, HeldRules, Permitted, User } from './user.ts';

/** The roles and bindings of a store as rules. */
export class Rbac implements Rules {
  readonly #store: Store;
  #policy: Policy | undefined;
  #loading: Promise<Policy> | undefined;
  #watch: Watch | undefined;
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Why a role allows it, in Kubernetes' words; undefined if none does. @throws {StoreError} */
  allow(user: User, attributes: Attributes): Awaitable<string | undefined> {
    const policy = this.#policy;
    return policy ? policy.allow(user, attributes) : this.#load().then((loaded) => loaded.allow(user, attributes));
  }

  /** What is told beside a refusal. Only what is known at the moment. */
  obstacle(user: User, attributes: Attributes): string {
    return this.#policy?.obstacle(user, attributes) ?? '';
  }

  /** The rules that count for a user in a namespace. @throws {StoreError} */
  rulesFor(user: User, namespace: string): Awaitable<HeldRules> {
    const policy = this.#policy;
    return policy ? policy.rulesFor(user, namespace) : this.#load().then((loaded) => loaded.rulesFor(user, namespace));
  }

  /** All who may do something. @throws {StoreError} */
  permittedTo(attributes: Attributes): Awaitable<Permitted> {
    const policy = this.#policy;
    return policy ? policy.permittedTo(attributes) : this.#load().then((loaded) => loaded.permittedTo(attributes));
  }

  /** Lets go of the store. */
  close(): void {
    this.#closed = true;
    this.#policy = undefined;
    this.#watch?.close();
  }

  /** One load at a time. If it fails, whoever waits is told, and the next question begins another. */
  #load(): Promise<Policy> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #read(): Promise<Policy> {
    const policy = new Policy();
    let page: Page = await this.#store.list(POLICY_PREFIX, { limit: LIST_PAGE_OBJECTS });
    for (;;) {
      for (const { key, value } of page.entries) policy.set(key, value);
      const after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) break;
      page = await this.#store.list(POLICY_PREFIX, {
        limit: LIST_PAGE_OBJECTS,
        after,
        fresh: { exactly: page.revision },
      });
    }
    this.#follow(policy, page.revision);
    return policy;
  }

  #follow(policy: Policy, revision: number): void {
    if (this.#closed) return;
    let ended = false;
    const forget = (): void => {
      ended = true;
      if (this.#policy === policy) this.#policy = undefined;
    };
    const watch = this.#store.watch(POLICY_PREFIX, revision, {
      batch: ({ events }) => {
        try {
          for (const { key, value } of events) policy.set(key, value);
        } catch {
          // What cannot be read is met again, and told, by the load that the next question begins.
          forget();
          watch.close();
        }
      },
      ended: forget,
    });
    if (ended) return;
    this.#watch = watch;
    this.#policy = policy;
  }
}
