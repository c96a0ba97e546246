/**
 * The cluster roles that Kubernetes itself seeds, as far as they are about something that Headgate serves: what only
 * nodes, schedulers and controllers need is left out.
 */
import type { ClusterRole } from '../access/role.ts';
import { allow, allowPaths, clusterRole, READ, WRITE } from './seedrule.ts';

const RBAC = 'rbac.authorization.k8s.io';
const AUTHENTICATION = 'authentication.k8s.io';
const AUTHORIZATION = 'authorization.k8s.io';
const NETWORKING = 'networking.k8s.io';

const HEALTH = '/healthz /livez /readyz';

const basics: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [allow('*', '*', '*'), { verbs: ['*'], nonResourceURLs: ['*'] }]),
  clusterRole('system:discovery', [
    allowPaths('/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'),
  ]),
  clusterRole('system:monitoring', [
    allowPaths('/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*'),
  ]),
  clusterRole('system:public-info-viewer', [allowPaths(`${HEALTH} /version /version/`)]),
  clusterRole('system:basic-user', [
    allow('create', AUTHORIZATION, 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', AUTHENTICATION, 'selfsubjectreviews'),
  ]),
  clusterRole('system:auth-delegator', [
    allow('create', AUTHENTICATION, 'tokenreviews'),
    allow('create', AUTHORIZATION, 'subjectaccessreviews'),
  ]),
  clusterRole('system:service-account-issuer-discovery', [
    allowPaths('/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'),
  ]),
];

/** `admin` holds what `edit` holds, which holds what `view` holds; further roles join by their labels. */
const aggregated: readonly ClusterRole[] = [
  clusterRole('admin', [], { from: ['admin'] }),
  clusterRole('edit', [], { from: ['edit'], into: ['admin'] }),
  clusterRole('view', [], { from: ['view'], into: ['edit'] }),
];

const toAdmin = clusterRole(
  'system:aggregate-to-admin',
  [allow('create', AUTHORIZATION, 'localsubjectaccessreviews'), allow(`${WRITE} ${READ}`, RBAC, 'roles rolebindings')],
  { into: ['admin'] },
);

const toEdit = clusterRole(
  'system:aggregate-to-edit',
  [
    allow(READ, '', 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy'),
    allow('impersonate', '', 'serviceaccounts'),
    allow(WRITE, '', 'pods pods/attach pods/proxy pods/exec pods/portforward'),
    allow('create', '', 'pods/eviction'),
    allow(
      WRITE,
      '',
      'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    ),
    allow('create', '', 'serviceaccounts/token'),
    allow(
      WRITE,
      'apps',
      'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
    ),
    allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
    allow(WRITE, 'batch', 'cronjobs jobs'),
    allow(WRITE, 'policy', 'poddisruptionbudgets'),
    allow(WRITE, NETWORKING, 'ingresses networkpolicies'),
    allow(`${WRITE} ${READ}`, 'coordination.k8s.io', 'leases'),
  ],
  { into: ['edit'] },
);

const toView = clusterRole(
  'system:aggregate-to-view',
  [
    allow(
      READ,
      '',
      'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    ),
    allow(
      READ,
      '',
      'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
    ),
    allow(READ, '', 'namespaces'),
    allow(READ, 'discovery.k8s.io', 'endpointslices'),
    allow(
      READ,
      'apps',
      'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
    ),
    allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
    allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
    allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
    allow(READ, NETWORKING, 'ingresses ingresses/status networkpolicies'),
  ],
  { into: ['view'] },
);

export const kubernetesRoles: readonly ClusterRole[] = [...basics, ...aggregated, toAdmin, toEdit, toView];
