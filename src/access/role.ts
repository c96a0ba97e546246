/** Roles and bindings, as Kubernetes' RBAC API has them, and where they are kept. */
import type { LabelSelector } from '../objects/labelselector.ts';
import { dnsLabel, dnsSubdomain } from '../objects/names.ts';
import type { KubeObject } from '../objects/object.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** Everything that decides what callers may do is below this prefix: one watch tells of all of it, in order. */
export const POLICY_PREFIX = '/rbac/';
export const ROLE_PREFIX = `${POLICY_PREFIX}roles/`;
export const ROLE_BINDING_PREFIX = `${POLICY_PREFIX}rolebindings/`;
export const CLUSTER_ROLE_PREFIX = `${POLICY_PREFIX}clusterroles/`;
export const CLUSTER_ROLE_BINDING_PREFIX = `${POLICY_PREFIX}clusterrolebindings/`;

/** Things that are allowed: each verb on each resource of each group, or on each path. `*` stands for all. */
export interface PolicyRule {
  verbs?: string[] | null;
  apiGroups?: string[];
  resources?: string[];
  /** If there are any, the rule is about objects of these names only. */
  resourceNames?: string[];
  /** Paths that are no resources; a `*` at the end stands for whatever follows. */
  nonResourceURLs?: string[];
}

/** The rules of whoever may do everything. */
export const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** A Role. */
export interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
}

export interface ClusterRole extends Role {
  /** Set if the rules are those of all cluster roles that one of the selectors selects. */
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}

/** Whom a binding is about. */
export interface Subject {
  /** `User`, `Group` or `ServiceAccount`. */
  kind?: string;
  apiGroup?: string;
  name?: string;
  /** Of a service account. */
  namespace?: string;
}

export interface RoleRef {
  apiGroup?: string;
  /** `Role` or `ClusterRole`. */
  kind?: string;
  name?: string;
}

/** A RoleBinding or a ClusterRoleBinding. */
export interface RoleBinding extends KubeObject {
  subjects?: Subject[];
  roleRef?: RoleRef;
}

/** The key of the role that a binding of a namespace ('' for a cluster role binding) refers to. */
export function roleKey(ref: RoleRef, namespace: string): string {
  const name = ref.name ?? '';
  return ref.kind === 'ClusterRole' ? CLUSTER_ROLE_PREFIX + name : `${ROLE_PREFIX}${namespace}/${name}`;
}

/** The user that a service account acts as. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The service account that acts as a user of this name; undefined if it is no service account's. */
export function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  const [system, kind, namespace = '', name = '', ...more] = user.split(':');
  if (system !== 'system' || kind !== 'serviceaccount' || more.length > 0) return undefined;
  return dnsLabel(namespace) === undefined && dnsSubdomain(name) === undefined ? { namespace, name } : undefined;
}

/** The groups that every service account of a namespace is in, beside system:authenticated. */
export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}
