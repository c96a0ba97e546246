/** Role-based access control: the roles and bindings of the store, followed and compiled. */
import type { Awaitable, Store } from '../store/store.ts';
import type { Rules } from './authorizer.ts';
import { Followed } from './followed.ts';
import { Policy } from './policy.ts';
import { POLICY_PREFIX, type PolicyRule } from './role.ts';
import type { Attributes, HeldRules, Permitted, User } from './user.ts';

/** The roles and bindings of a store as rules. */
export class Rbac implements Rules {
  readonly #policy: Followed<Policy>;

  constructor(store: Store) {
    this.#policy = new Followed(store, POLICY_PREFIX, () => new Policy());
  }

  /** Why a role allows it, in Kubernetes' words; undefined if none does. @throws {StoreError} */
  allow(user: User, attributes: Attributes): Awaitable<string | undefined> {
    const policy = this.#policy.get();
    return policy instanceof Promise
      ? policy.then((loaded) => loaded.allow(user, attributes))
      : policy.allow(user, attributes);
  }

  /** What is told beside a refusal. Only what is known at the moment. */
  obstacle(user: User, attributes: Attributes): string {
    return this.#policy.known?.obstacle(user, attributes) ?? '';
  }

  /** The rules that count for a user in a namespace. @throws {StoreError} */
  async rulesFor(user: User, namespace: string): Promise<HeldRules> {
    return (await this.#policy.get()).rulesFor(user, namespace);
  }

  /** All who may do something. @throws {StoreError} */
  async permittedTo(attributes: Attributes): Promise<Permitted> {
    return (await this.#policy.get()).permittedTo(attributes);
  }

  /** The rules of a cluster role; undefined if there is none of that name. @throws {StoreError} */
  clusterRole(name: string): Awaitable<readonly PolicyRule[] | undefined> {
    const policy = this.#policy.get();
    return policy instanceof Promise ? policy.then((loaded) => loaded.clusterRole(name)) : policy.clusterRole(name);
  }

  /** Lets go of the store. */
  close(): void {
    this.#policy.close();
  }
}
