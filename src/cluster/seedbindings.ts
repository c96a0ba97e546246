/** Who holds which role from the first start on, in the cluster and in a new namespace. */
import { RBAC_GROUP, type Role, type RoleBinding } from '../access/role.ts';
import { AUTHENTICATED, MASTERS, UNAUTHENTICATED } from '../access/user.ts';
import { allow, bindingOf, IMAGE_GROUPS, READ } from './seedrule.ts';

const EVERYBODY = `group:${AUTHENTICATED}`;
const NOBODY = `group:${UNAUTHENTICATED}`;

export const seedClusterBindings: readonly RoleBinding[] = [
  bindingOf('cluster-admin', 'cluster-admin', [`group:${MASTERS}`]),
  bindingOf('system:discovery', 'system:discovery', [EVERYBODY]),
  bindingOf('system:basic-user', 'system:basic-user', [EVERYBODY]),
  bindingOf('system:monitoring', 'system:monitoring', ['group:system:monitoring']),
  bindingOf('system:public-info-viewer', 'system:public-info-viewer', [EVERYBODY, NOBODY]),
  bindingOf('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', [
    'group:system:serviceaccounts',
  ]),
  bindingOf('cluster-admins', 'cluster-admin', ['group:system:cluster-admins', 'user:system:admin']),
  bindingOf('cluster-readers', 'cluster-reader', ['group:system:cluster-readers']),
  bindingOf('basic-users', 'basic-user', [EVERYBODY]),
  bindingOf('self-access-reviewers', 'self-access-reviewer', [EVERYBODY]),
  bindingOf('headgate:access-reviewers', 'headgate:access-reviewer', [EVERYBODY]),
  bindingOf('headgate:kinds-viewers', 'headgate:kinds-viewer', [EVERYBODY]),
  bindingOf('self-provisioners', 'self-provisioner', ['group:system:authenticated:oauth']),
  bindingOf('cluster-status-binding', 'cluster-status', [EVERYBODY]),
  bindingOf('system:oauth-token-deleters', 'system:oauth-token-deleter', [EVERYBODY]),
  bindingOf('system:openshift:useroauthaccesstoken-manager', 'system:openshift:useroauthaccesstoken-manager', [
    EVERYBODY,
  ]),
  bindingOf('system:openshift:discovery', 'system:openshift:discovery', [EVERYBODY]),
  bindingOf('system:openshift:public-info-viewer', 'system:openshift:public-info-viewer', [EVERYBODY, NOBODY]),
];

/** What a new namespace begins with: its service accounts may pull from it, the one that builds may push. */
export function namespaceBindings(namespace: string): RoleBinding[] {
  return [
    bindingOf('system:image-pullers', 'system:image-puller', [`group:system:serviceaccounts:${namespace}`]),
    bindingOf('system:image-builders', 'system:image-builder', [`account:${namespace}/builder`]),
  ];
}

/** A role or binding of one namespace. */
interface Local<T> {
  readonly namespace: string;
  readonly object: T;
}

export const seedLocalRoles: readonly Local<Role>[] = [
  {
    namespace: 'openshift',
    object: {
      metadata: { name: 'shared-resource-viewer' },
      rules: [
        allow(READ, IMAGE_GROUPS, 'imagestreamimages imagestreams imagestreamtags imagetags'),
        allow('get', IMAGE_GROUPS, 'imagestreams/layers'),
      ],
    },
  },
  {
    namespace: 'kube-system',
    object: {
      metadata: { name: 'extension-apiserver-authentication-reader' },
      rules: [allow(READ, '', 'configmaps', ['extension-apiserver-authentication'])],
    },
  },
];

export const seedLocalBindings: readonly Local<RoleBinding>[] = [
  {
    namespace: 'openshift',
    object: {
      ...bindingOf('shared-resource-viewers', 'shared-resource-viewer', [EVERYBODY]),
      roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: 'shared-resource-viewer' },
    },
  },
];
