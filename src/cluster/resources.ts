/** The resources beside the image API that clients need. */
import type { Resource } from '../objects/resource.ts';
import { openshiftAccessReviews } from './accessreviews.openshift.ts';
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from './accessreviews.ts';
import { horizontalPodAutoscalers } from './autoscalers.ts';
import { buildConfigs, builds } from './builds.ts';
import { configMaps } from './configmaps.ts';
import { controllerRevisions } from './controllerrevisions.ts';
import { csiDrivers } from './csidrivers.ts';
import { csiNodes } from './csinodes.ts';
import { csiStorageCapacities } from './csistoragecapacities.ts';
import { customResourceDefinitions } from './customresourcedefinitions.ts';
import { daemonSets } from './daemonsets.ts';
import { deploymentConfigs } from './deploymentconfigs.ts';
import { deployments } from './deployments.ts';
import { podDisruptionBudgets } from './disruptionbudgets.ts';
import { endpointSlices } from './endpointslices.ts';
import { events } from './events.ts';
import { groups } from './groups.ts';
import { identities } from './identities.ts';
import { ingressClasses } from './ingressclasses.ts';
import { ingresses } from './ingresses.ts';
import { cronJobs, jobs } from './jobs.ts';
import { leases } from './leases.ts';
import { limitRanges } from './limitranges.ts';
import { namespaces } from './namespaces.ts';
import { networkPolicies } from './networkpolicies.ts';
import { nodes } from './nodes.ts';
import { oauthAccessTokens, userOAuthAccessTokens } from './oauthaccesstokens.ts';
import { oauthAuthorizeTokens } from './oauthauthorizetokens.ts';
import { oauthClients } from './oauthclients.ts';
import { openshiftRoutes } from './openshiftroutes.ts';
import { persistentVolumes } from './persistentvolumes.ts';
import { pods } from './pods.ts';
import { podTemplates } from './podtemplates.ts';
import { priorityClasses } from './priorityclasses.ts';
import { projectRequests } from './projectrequests.ts';
import { projects } from './projects.ts';
import { replicaSets, replicationControllers } from './replicasets.ts';
import { reportedEvents } from './reportedevents.ts';
import { resourceQuotas } from './resourcequotas.ts';
import { clusterRoleBindings, roleBindings } from './rolebindings.ts';
import { clusterRoles, roles } from './roles.ts';
import { runtimeClasses } from './runtimeclasses.ts';
import { secrets } from './secrets.ts';
import { selfSubjectReviews } from './selfsubjectreviews.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { endpoints, services } from './services.ts';
import { statefulSets } from './statefulsets.ts';
import { storageClasses } from './storageclasses.ts';
import { tokenReviews } from './tokenreviews.ts';
import { userIdentityMappings } from './useridentitymappings.ts';
import { users } from './users.ts';
import { volumeAttachments } from './volumeattachments.ts';
import { persistentVolumeClaims } from './volumeclaims.ts';

export const clusterResources: readonly Resource[] = [
  clusterRoles,
  clusterRoleBindings,
  configMaps,
  limitRanges,
  namespaces,
  projectRequests,
  projects,
  resourceQuotas,
  roles,
  roleBindings,
  secrets,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  tokenReviews,
  ...openshiftAccessReviews,
  groups,
  identities,
  userIdentityMappings,
  users,
  oauthAccessTokens,
  oauthAuthorizeTokens,
  oauthClients,
  userOAuthAccessTokens,
  serviceAccounts,
  cronJobs,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpoints,
  events,
  ingresses,
  jobs,
  leases,
  nodes,
  persistentVolumeClaims,
  pods,
  podTemplates,
  reportedEvents,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
  buildConfigs,
  builds,
  deploymentConfigs,
  horizontalPodAutoscalers,
  networkPolicies,
  openshiftRoutes,
  podDisruptionBudgets,
  controllerRevisions,
  endpointSlices,
  ingressClasses,
  priorityClasses,
  runtimeClasses,
  storageClasses,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  persistentVolumes,
  volumeAttachments,
];
