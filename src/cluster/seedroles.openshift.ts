/**
 * The cluster roles that OpenShift seeds, as far as they are about what is served here: templates, networks and machines are
 * not.
 */
import type { ClusterRole } from '../access/role.ts';
import {
  APPS_GROUPS,
  AUTHORIZATION_GROUPS,
  allow,
  allowPaths,
  BUILD_GROUPS,
  clusterRole,
  IMAGE_GROUPS,
  OAUTH_GROUPS,
  PROJECT_GROUPS,
  READ,
  READ_WRITE,
  ROUTE_GROUPS,
  USER_GROUPS,
} from './seedrule.ts';

const RBAC = 'rbac.authorization.k8s.io';
const AUTHENTICATION = 'authentication.k8s.io';
const AUTHORIZATION = 'authorization.k8s.io';

const STREAMS = 'imagestreamimages imagestreammappings imagestreams imagestreamtags imagetags';
const pull = allow('get', IMAGE_GROUPS, 'imagestreams/layers');
const pushAndPull = allow('get update', IMAGE_GROUPS, 'imagestreams/layers');
const writeStreams = allow(READ_WRITE, IMAGE_GROUPS, `${STREAMS} imagestreams/secrets`);
const importImages = allow('create', IMAGE_GROUPS, 'imagestreamimports');
const streamStatus = allow(READ, IMAGE_GROUPS, 'imagestreams/status');
const localReviews = allow(
  'create',
  AUTHORIZATION_GROUPS,
  'localresourceaccessreviews localsubjectaccessreviews subjectrulesreviews',
);
/** Old clients ask these in a namespace. */
const oldReviews = allow('create', AUTHORIZATION_GROUPS, 'resourceaccessreviews subjectaccessreviews');

const images: readonly ClusterRole[] = [
  clusterRole('system:image-puller', [pull], {
    description: 'Grants the right to pull images from within a project.',
  }),
  clusterRole('system:image-pusher', [pushAndPull], {
    description: 'Grants the right to push and pull images from within a project.',
  }),
  clusterRole(
    'system:image-builder',
    [
      pushAndPull,
      allow('create', IMAGE_GROUPS, 'imagestreams'),
      allow('update', BUILD_GROUPS, 'builds/details'),
      allow('get', BUILD_GROUPS, 'builds'),
    ],
    {
      into: ['admin', 'edit'],
      description:
        'Grants the right to build, push and pull images from within a project.  Used primarily with service accounts for builds.',
    },
  ),
  clusterRole('system:image-signer', [
    allow('get', IMAGE_GROUPS, 'images imagestreams/layers'),
    allow('create delete', IMAGE_GROUPS, 'imagesignatures'),
  ]),
  clusterRole('system:image-auditor', [allow('get list patch update watch', IMAGE_GROUPS, 'images')]),
  clusterRole('system:image-pruner', [
    allow('get list', '', 'pods replicationcontrollers'),
    allow('list', '', 'limitranges'),
    allow('get list', BUILD_GROUPS, 'buildconfigs builds'),
    allow('get list', APPS_GROUPS, 'deploymentconfigs'),
    allow('get list', 'batch', 'cronjobs jobs'),
    allow('get list', 'apps', 'daemonsets deployments replicasets statefulsets'),
    allow('delete', IMAGE_GROUPS, 'images'),
    allow(READ, IMAGE_GROUPS, 'images imagestreams'),
    allow('update', IMAGE_GROUPS, 'imagestreams/status'),
  ]),
  clusterRole('system:registry', [
    allow('list', '', 'limitranges resourcequotas'),
    allow('get', IMAGE_GROUPS, 'imagestreamimages imagestreams/layers imagestreams/secrets'),
    allow('get update', IMAGE_GROUPS, 'images imagestreams'),
    allow('delete', IMAGE_GROUPS, 'imagestreamtags'),
    allow('create', IMAGE_GROUPS, 'imagestreammappings'),
  ]),
  clusterRole('system:openshift:controller:image-import-controller', [
    allow('create get list update watch', IMAGE_GROUPS, 'imagestreams'),
    allow('create delete get list patch update watch', IMAGE_GROUPS, 'images'),
    importImages,
  ]),
];

const registry: readonly ClusterRole[] = [
  clusterRole(
    'registry-admin',
    [
      allow(READ_WRITE, '', 'secrets serviceaccounts'),
      writeStreams,
      importImages,
      pushAndPull,
      allow(READ_WRITE, AUTHORIZATION_GROUPS, 'rolebindings roles'),
      allow(READ_WRITE, RBAC, 'rolebindings roles'),
      localReviews,
      allow('create', AUTHORIZATION, 'localsubjectaccessreviews'),
      allow('get', '', 'namespaces'),
      allow('delete get', PROJECT_GROUPS, 'projects'),
      oldReviews,
    ],
    { into: ['admin'] },
  ),
  clusterRole(
    'registry-editor',
    [
      allow(READ_WRITE, '', 'secrets serviceaccounts'),
      writeStreams,
      importImages,
      pushAndPull,
      allow('get', '', 'namespaces'),
      allow('get', PROJECT_GROUPS, 'projects'),
    ],
    { into: ['edit'] },
  ),
  clusterRole(
    'registry-viewer',
    [
      allow(READ, IMAGE_GROUPS, STREAMS),
      pull,
      allow('get', '', 'namespaces'),
      allow('get', PROJECT_GROUPS, 'projects'),
    ],
    { into: ['view'] },
  ),
];

/** Kinds of OpenShift that are kept for its clients: they may be written, and read, by those who may do so with workloads. */
const writeOpenshiftKinds = [
  allow(READ_WRITE, APPS_GROUPS, 'deploymentconfigs deploymentconfigs/scale'),
  allow(READ_WRITE, BUILD_GROUPS, 'buildconfigs builds'),
  allow(READ_WRITE, ROUTE_GROUPS, 'routes'),
];
const readOpenshiftKinds = [
  allow(READ, APPS_GROUPS, 'deploymentconfigs deploymentconfigs/scale deploymentconfigs/status'),
  allow(READ, BUILD_GROUPS, 'buildconfigs builds'),
  allow(READ, ROUTE_GROUPS, 'routes routes/status'),
];

const aggregates: readonly ClusterRole[] = [
  clusterRole(
    'system:openshift:aggregate-to-admin',
    [
      allow(READ_WRITE, AUTHORIZATION_GROUPS, 'rolebindings roles'),
      localReviews,
      writeStreams,
      streamStatus,
      pushAndPull,
      importImages,
      allow('delete get patch update', PROJECT_GROUPS, 'projects'),
      oldReviews,
      ...writeOpenshiftKinds,
      ...readOpenshiftKinds,
    ],
    { into: ['admin'] },
  ),
  clusterRole(
    'system:openshift:aggregate-to-edit',
    [
      writeStreams,
      streamStatus,
      pushAndPull,
      importImages,
      allow('get', PROJECT_GROUPS, 'projects'),
      ...writeOpenshiftKinds,
      ...readOpenshiftKinds,
    ],
    { into: ['edit'] },
  ),
  clusterRole(
    'system:openshift:aggregate-to-view',
    [allow(READ, IMAGE_GROUPS, STREAMS), streamStatus, allow('get', PROJECT_GROUPS, 'projects'), ...readOpenshiftKinds],
    { into: ['view'] },
  ),
];

const clusterReader: readonly ClusterRole[] = [
  clusterRole('cluster-reader', [], { from: ['cluster-reader', 'view'] }),
  clusterRole(
    'system:openshift:aggregate-to-cluster-reader',
    [
      allow(READ, '', 'componentstatuses nodes nodes/status persistentvolumes persistentvolumes/status podtemplates'),
      allow(READ, 'coordination.k8s.io', 'leases'),
      allow(READ, 'events.k8s.io', 'events'),
      allow(READ, RBAC, 'clusterrolebindings clusterroles rolebindings roles'),
      allow(READ, AUTHORIZATION_GROUPS, 'clusterrolebindings clusterroles rolebindingrestrictions rolebindings roles'),
      allow(READ, IMAGE_GROUPS, 'images imagesignatures'),
      pull,
      allow('list watch', PROJECT_GROUPS, 'projects'),
      allow(READ, PROJECT_GROUPS, 'projectrequests'),
      allow(READ, OAUTH_GROUPS, 'oauthclientauthorizations'),
      allow(READ, USER_GROUPS, 'groups identities useridentitymappings users'),
      allow(
        'create',
        AUTHORIZATION_GROUPS,
        'localresourceaccessreviews localsubjectaccessreviews resourceaccessreviews selfsubjectrulesreviews subjectaccessreviews subjectrulesreviews',
      ),
      allow(
        'create',
        AUTHORIZATION,
        'localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews',
      ),
      allow('create', AUTHENTICATION, 'tokenreviews'),
      allowPaths('*'),
    ],
    { into: ['cluster-reader'] },
  ),
];

const BASIC_USER = 'authorization.openshift.io/aggregate-to-basic-user';

const users: readonly ClusterRole[] = [
  clusterRole('basic-user', [], {
    from: [BASIC_USER],
    description: 'A user that can get basic information about projects.',
  }),
  clusterRole(
    'system:openshift:aggregate-to-basic-user',
    [
      allow('get', USER_GROUPS, 'users', ['~']),
      allow('list', PROJECT_GROUPS, 'projectrequests'),
      allow('get list', AUTHORIZATION_GROUPS, 'clusterroles'),
      allow(READ, RBAC, 'clusterroles'),
      allow('get list', 'storage.k8s.io', 'storageclasses'),
      allow('list watch', PROJECT_GROUPS, 'projects'),
      allow('create', AUTHORIZATION_GROUPS, 'selfsubjectrulesreviews'),
      allow('create', AUTHORIZATION, 'selfsubjectaccessreviews'),
    ],
    { into: [BASIC_USER] },
  ),
  clusterRole('self-access-reviewer', [
    allow('create', AUTHORIZATION_GROUPS, 'selfsubjectrulesreviews'),
    allow('create', AUTHORIZATION, 'selfsubjectaccessreviews'),
  ]),
  // Whoever may not ask this is told so by the review itself; about oneself everybody may. In OpenShift such a request is
  // taken for another, which the body says and an authorizer cannot see.
  clusterRole('headgate:access-reviewer', [allow('create', AUTHORIZATION_GROUPS, 'subjectaccessreviews')]),
  // kubectl lists them before it creates what takes no patches, and gives up if it may not. There are none to be seen.
  clusterRole('headgate:kinds-viewer', [allow(READ, 'apiextensions.k8s.io', 'customresourcedefinitions')]),
  clusterRole('self-provisioner', [allow('create', PROJECT_GROUPS, 'projectrequests')], {
    description: 'A user that can request projects.',
  }),
  clusterRole(
    'cluster-status',
    [allowPaths('/healthz /healthz/'), allowPaths('/version /version/* /api /api/* /apis /apis/* /openapi/v2 /')],
    { description: 'A user that can get basic cluster status information.' },
  ),
  clusterRole('cluster-debugger', [allowPaths('/metrics /debug/pprof /debug/pprof/*')]),
  clusterRole('sudoer', [
    allow('impersonate', USER_GROUPS, 'systemusers users', ['system:admin']),
    allow('impersonate', USER_GROUPS, 'groups systemgroups', ['system:masters']),
  ]),
  clusterRole('system:oauth-token-deleter', [allow('delete', OAUTH_GROUPS, 'oauthaccesstokens oauthauthorizetokens')]),
  clusterRole('system:openshift:useroauthaccesstoken-manager', [
    allow('delete get list watch', 'oauth.openshift.io', 'useroauthaccesstokens'),
  ]),
  clusterRole('system:openshift:discovery', [
    allowPaths('/version /version/* /api /api/* /apis /apis/* /openapi/v2 /.well-known /.well-known/* /'),
  ]),
  clusterRole('system:openshift:public-info-viewer', [allowPaths('/.well-known /.well-known/*')]),
];

export const openshiftRoles: readonly ClusterRole[] = [
  ...images,
  ...registry,
  ...aggregates,
  ...clusterReader,
  ...users,
];
