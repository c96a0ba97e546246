/** How the roles that every installation begins with are written down. */
import { type ClusterRole, type PolicyRule, RBAC_GROUP, type RoleBinding, type Subject } from '../access/role.ts';

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';
export const READ_WRITE = 'create delete deletecollection get list patch update watch';

/** The resources of OpenShift's groups may be named without a group too, as its first versions did. */
export const IMAGE_GROUPS: readonly string[] = ['', 'image.openshift.io'];
export const PROJECT_GROUPS: readonly string[] = ['', 'project.openshift.io'];
export const AUTHORIZATION_GROUPS: readonly string[] = ['', 'authorization.openshift.io'];
export const USER_GROUPS: readonly string[] = ['', 'user.openshift.io'];
export const OAUTH_GROUPS: readonly string[] = ['', 'oauth.openshift.io'];
export const BUILD_GROUPS: readonly string[] = ['', 'build.openshift.io'];
export const APPS_GROUPS: readonly string[] = ['', 'apps.openshift.io'];
export const ROUTE_GROUPS: readonly string[] = ['', 'route.openshift.io'];

/** Kubernetes keeps what it seeds up to date as long as this annotation says so. */
export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const SEEDED = { annotations: { [AUTOUPDATE]: 'true' }, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } };

/** Verbs on resources of a group or groups; names separated by blanks. */
export function allow(
  verbs: string,
  groups: string | readonly string[],
  resources: string,
  resourceNames?: readonly string[],
): PolicyRule {
  return {
    verbs: verbs.split(' '),
    apiGroups: typeof groups === 'string' ? [groups] : [...groups],
    resources: resources.split(' ').sort(),
    ...(resourceNames && { resourceNames: [...resourceNames] }),
  };
}

/** A GET of paths that are no resources. */
export function allowPaths(paths: string): PolicyRule {
  return { verbs: ['get'], nonResourceURLs: paths.split(' ') };
}

interface RoleTraits {
  /** Names of labels whose value is `true`: into which aggregated roles this one goes. */
  readonly into?: readonly string[];
  /** The labels by which an aggregated role selects. */
  readonly from?: readonly string[];
  /** What `oc describe` shows. */
  readonly description?: string;
}

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';

/** A ClusterRole; what it aggregates is named without the label's prefix where that is Kubernetes' own. */
export function clusterRole(name: string, rules: readonly PolicyRule[], traits: RoleTraits = {}): ClusterRole {
  const { into = [], from, description } = traits;
  const labels = Object.fromEntries(into.map((label) => [labelOf(label), 'true']));
  return {
    metadata: {
      name,
      annotations: { ...(description && { 'openshift.io/description': description }), ...SEEDED.annotations },
      labels: { ...SEEDED.labels, ...labels },
    },
    rules: [...rules],
    ...(from && {
      aggregationRule: { clusterRoleSelectors: from.map((label) => ({ matchLabels: { [labelOf(label)]: 'true' } })) },
    }),
  };
}

function labelOf(label: string): string {
  return label.includes('/') ? label : AGGREGATE + label;
}

/** Subjects: `group:x`, `user:x` or `account:namespace/x`. */
function subjectOf(text: string): Subject {
  const colon = text.indexOf(':');
  const [kind, name] = [text.slice(0, colon), text.slice(colon + 1)];
  if (kind === 'account') {
    const [namespace = '', account = ''] = name.split('/');
    return { kind: 'ServiceAccount', name: account, namespace };
  }
  return { kind: kind === 'group' ? 'Group' : 'User', apiGroup: RBAC_GROUP, name };
}

/** A binding of a cluster role, in the cluster or in a namespace. */
export function bindingOf(name: string, role: string, subjects: readonly string[]): RoleBinding {
  return {
    metadata: { name, annotations: { ...SEEDED.annotations }, labels: { ...SEEDED.labels } },
    subjects: subjects.map(subjectOf),
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: role },
  };
}
