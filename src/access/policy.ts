/**
 * All roles and bindings of a store, compiled: what a user may do is found by the user's name and groups. It is kept up
 * to date one key at a time, so that a change costs no more where there are thousands of bindings.
 */
import { quoted } from '../objects/quoting.ts';
import {
  CLUSTER_ROLE_BINDING_PREFIX,
  CLUSTER_ROLE_PREFIX,
  type PolicyRule,
  ROLE_BINDING_PREFIX,
  ROLE_PREFIX,
  type Role,
  type RoleBinding,
  type RoleRef,
  roleKey,
  type Subject,
  serviceAccountUser,
} from './role.ts';
import { questionOf, RuleSet } from './rules.ts';
import type { Attributes, HeldRules, Permitted, User } from './user.ts';

/** A role, or the place of one that bindings refer to and that does not exist. */
interface Slot {
  rules: RuleSet | undefined;
  /** Grants that refer to it. */
  grants: number;
}

/** One subject of one binding. */
interface Grant {
  readonly slot: Slot;
  readonly ref: RoleRef;
  /** The name of the binding. */
  readonly binding: string;
  /** `RoleBinding "a/one" of Role "b" to User "c"` */
  readonly text: string;
}

/** The grants of a namespace, or of the whole cluster. */
interface Scope {
  readonly users: Map<string, Grant[]>;
  readonly groups: Map<string, Grant[]>;
}

/** Where a grant stands, so that it can be taken away again. */
interface Placed {
  readonly grants: Map<string, Grant[]>;
  readonly subject: string;
  readonly grant: Grant;
}

const NO_GRANTS: readonly Grant[] = [];

/** Who may do what, by what `set` was told. */
export class Policy {
  readonly #slots = new Map<string, Slot>();
  /** By namespace; '' is the cluster. */
  readonly #scopes = new Map<string, Scope>();
  /** By the key of the binding. */
  readonly #placed = new Map<string, readonly Placed[]>();

  /** Takes in what a key of the store holds from now on; undefined if it is gone. Keys of other things are ignored. */
  set(key: string, value: Buffer | undefined): void {
    if (key.startsWith(ROLE_PREFIX) || key.startsWith(CLUSTER_ROLE_PREFIX)) {
      this.#setRole(key, value && (parsed(value) as Role));
    } else if (key.startsWith(ROLE_BINDING_PREFIX)) {
      const path = key.slice(ROLE_BINDING_PREFIX.length);
      const slash = path.indexOf('/');
      this.#setBinding(key, path.slice(0, slash), path.slice(slash + 1), value);
    } else if (key.startsWith(CLUSTER_ROLE_BINDING_PREFIX)) {
      this.#setBinding(key, '', key.slice(CLUSTER_ROLE_BINDING_PREFIX.length), value);
    }
  }

  /** Why something is allowed, in Kubernetes' words; undefined if it is not. */
  allow(user: User, attributes: Attributes): string | undefined {
    const question = questionOf(attributes);
    const allowed = ({ slot }: Grant): boolean => slot.rules?.allows(question) ?? false;
    const grant = this.#find(user, namespaceOf(attributes), allowed);
    return grant && `RBAC: allowed by ${grant.text}`;
  }

  /** What stands in the way beside that nothing allows it: roles that are bound and do not exist. '' if nothing does. */
  obstacle(user: User, attributes: Attributes): string {
    const missing = this.#missingRoles(user, namespaceOf(attributes));
    return missing === '' ? '' : `RBAC: ${missing}`;
  }

  #missingRoles(user: User, namespace: string): string {
    const missing = new Set<string>();
    this.#find(user, namespace, ({ slot, ref }) => {
      if (!slot.rules)
        missing.add(`${(ref.kind ?? '').toLowerCase()}.rbac.authorization.k8s.io ${quoted(ref.name ?? '')} not found`);
      return false;
    });
    const [first = '', ...more] = missing;
    return more.length === 0 ? first : `[${[...missing].join(', ')}]`;
  }

  /** All rules that count for a user in a namespace ('' for the cluster's alone). */
  rulesFor(user: User, namespace: string): HeldRules {
    const rules: PolicyRule[] = [];
    const seen = new Set<Slot>();
    this.#find(user, namespace, ({ slot }) => {
      if (slot.rules && !seen.has(slot)) rules.push(...slot.rules.rules);
      seen.add(slot);
      return false;
    });
    return { rules, obstacle: this.#missingRoles(user, namespace) };
  }

  /** The users and groups that grants let do something. */
  permittedTo(attributes: Attributes): Permitted {
    const question = questionOf(attributes);
    const allowed = (grants: Map<string, Grant[]>): string[] =>
      [...grants].flatMap(([subject, all]) => (all.some(({ slot }) => slot.rules?.allows(question)) ? [subject] : []));
    const namespace = namespaceOf(attributes);
    const scopes = [this.#scopes.get(''), namespace === '' ? undefined : this.#scopes.get(namespace)];
    return {
      users: scopes.flatMap((scope) => (scope ? allowed(scope.users) : [])),
      groups: scopes.flatMap((scope) => (scope ? allowed(scope.groups) : [])),
    };
  }

  /** The rules of a cluster role; undefined if there is none of that name. */
  clusterRole(name: string): readonly PolicyRule[] | undefined {
    return this.#slots.get(CLUSTER_ROLE_PREFIX + name)?.rules?.rules;
  }

  /** The first grant of a user that is wanted: the cluster's, then the namespace's. */
  #find(user: User, namespace: string, wanted: (grant: Grant) => boolean): Grant | undefined {
    return (
      find(this.#scopes.get(''), user, wanted) ??
      (namespace === '' ? undefined : find(this.#scopes.get(namespace), user, wanted))
    );
  }

  #setRole(key: string, role: Role | undefined): void {
    if (role) {
      this.#slot(key).rules = new RuleSet(role.rules ?? []);
      return;
    }
    const slot = this.#slots.get(key);
    if (!slot) return;
    slot.rules = undefined;
    if (slot.grants === 0) this.#slots.delete(key);
  }

  #slot(key: string): Slot {
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { rules: undefined, grants: 0 };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #setBinding(key: string, namespace: string, name: string, value: Buffer | undefined): void {
    this.#remove(key, namespace);
    if (!value) return;
    const { subjects = [], roleRef = {} } = parsed(value) as RoleBinding;
    const slotKey = roleKey(roleRef, namespace);
    const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
    const title = `${kind} ${quoted(namespace === '' ? name : `${name}/${namespace}`)} of ${roleRef.kind} ${quoted(roleRef.name ?? '')}`;
    const placed: Placed[] = [];
    for (const subject of subjects) {
      const place = this.#placeOf(subject, namespace);
      if (!place) continue;
      const slot = this.#slot(slotKey);
      slot.grants += 1;
      const grant: Grant = {
        slot,
        ref: roleRef,
        binding: name,
        text: `${title} to ${subjectText(subject, namespace)}`,
      };
      const found = place.grants.get(place.subject);
      if (found) insert(found, grant);
      else place.grants.set(place.subject, [grant]);
      placed.push({ ...place, grant });
    }
    if (placed.length > 0) this.#placed.set(key, placed);
  }

  #placeOf(subject: Subject, namespace: string): Omit<Placed, 'grant'> | undefined {
    const { kind, name = '' } = subject;
    if (kind === 'User') return { grants: this.#scope(namespace).users, subject: name };
    if (kind === 'Group') return { grants: this.#scope(namespace).groups, subject: name };
    const home = subject.namespace || namespace;
    // Without a namespace of its own, a service account that is bound in the whole cluster is nobody.
    if (kind !== 'ServiceAccount' || home === '') return undefined;
    return { grants: this.#scope(namespace).users, subject: serviceAccountUser(home, name) };
  }

  #scope(namespace: string): Scope {
    let scope = this.#scopes.get(namespace);
    if (!scope) {
      scope = { users: new Map(), groups: new Map() };
      this.#scopes.set(namespace, scope);
    }
    return scope;
  }

  #remove(key: string, namespace: string): void {
    for (const { grants, subject, grant } of this.#placed.get(key) ?? []) {
      const left = (grants.get(subject) ?? []).filter((other) => other !== grant);
      if (left.length > 0) grants.set(subject, left);
      else grants.delete(subject);
      grant.slot.grants -= 1;
      if (grant.slot.grants === 0 && !grant.slot.rules) this.#slots.delete(roleKey(grant.ref, namespace));
    }
    this.#placed.delete(key);
    const scope = this.#scopes.get(namespace);
    if (scope && scope.users.size === 0 && scope.groups.size === 0) this.#scopes.delete(namespace);
  }
}

/**
 * Of several bindings that allow the same, always the same one is named, whenever they were made: Kubernetes' own
 * (`system:…`) before others, then by name.
 */
function insert(grants: Grant[], grant: Grant): void {
  let at = grants.length;
  for (let before = grants[at - 1]; before && comesBefore(grant, before); before = grants[at - 1]) at--;
  grants.splice(at, 0, grant);
}

function comesBefore({ binding: a }: Grant, { binding: b }: Grant): boolean {
  const [first, second] = [a.startsWith('system:'), b.startsWith('system:')];
  return first === second ? a < b : first;
}

function find(scope: Scope | undefined, user: User, wanted: (grant: Grant) => boolean): Grant | undefined {
  if (!scope) return undefined;
  const own = (scope.users.get(user.name) ?? NO_GRANTS).find(wanted);
  if (own) return own;
  for (const group of user.groups) {
    const shared = (scope.groups.get(group) ?? NO_GRANTS).find(wanted);
    if (shared) return shared;
  }
  return undefined;
}

function namespaceOf(attributes: Attributes): string {
  return 'path' in attributes ? '' : (attributes.namespace ?? '');
}

function subjectText({ kind, name = '', namespace }: Subject, home: string): string {
  return `${kind} ${quoted(kind === 'ServiceAccount' ? `${name}/${namespace || home}` : name)}`;
}

function parsed(value: Buffer): unknown {
  return JSON.parse(value.toString());
}
