/** Who is in which group, by the Group objects of the store: a change counts from the next request on. */
import type { Awaitable, Store } from '../store/store.ts';
import { Followed } from './followed.ts';
import { GROUP_PREFIX } from './person.ts';
import type { User } from './user.ts';

/** The groups of a store, by their users. */
class Members {
  readonly #usersOf = new Map<string, readonly string[]>();
  readonly #groupsOf = new Map<string, Set<string>>();
  /** Users as requests carry them, with their groups, by what they are without. */
  #joined = new WeakMap<User, User>();

  set(key: string, value: Buffer | undefined): void {
    const group = key.slice(GROUP_PREFIX.length);
    this.#joined = new WeakMap();
    for (const user of this.#usersOf.get(group) ?? []) {
      const groups = this.#groupsOf.get(user);
      groups?.delete(group);
      if (groups?.size === 0) this.#groupsOf.delete(user);
    }
    this.#usersOf.delete(group);
    if (!value) return;
    const { users } = JSON.parse(value.toString()) as { readonly users?: readonly string[] | null };
    if (!users) return;
    this.#usersOf.set(group, users);
    for (const user of users) {
      const groups = this.#groupsOf.get(user);
      if (groups) groups.add(group);
      else this.#groupsOf.set(user, new Set([group]));
    }
  }

  join(user: User): User {
    let joined = this.#joined.get(user);
    if (!joined) {
      const groups = this.#groupsOf.get(user.name);
      joined = groups ? { ...user, groups: [...new Set([...[...groups].sort(), ...user.groups])] } : user;
      this.#joined.set(user, joined);
    }
    return joined;
  }
}

/** Who is in which group. */
export class Membership {
  readonly #members: Followed<Members>;

  constructor(store: Store) {
    this.#members = new Followed(store, GROUP_PREFIX, () => new Members());
  }

  /** The user with the groups that name it, before those that the user has already. @throws {StoreError} */
  join(user: User): Awaitable<User> {
    const members = this.#members.get();
    return members instanceof Promise ? members.then((loaded) => loaded.join(user)) : members.join(user);
  }

  /** Lets go of the store. */
  close(): void {
    this.#members.close();
  }
}
