/** The resources beside the image API that clients need. */
import type { Resource } from '../objects/resource.ts';
import { openshiftAccessReviews } from './accessreviews.openshift.ts';
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from './accessreviews.ts';
import { configMaps } from './configmaps.ts';
import { limitRanges } from './limitranges.ts';
import { namespaces } from './namespaces.ts';
import { projectRequests } from './projectrequests.ts';
import { projects } from './projects.ts';
import { resourceQuotas } from './resourcequotas.ts';
import { clusterRoleBindings, roleBindings } from './rolebindings.ts';
import { clusterRoles, roles } from './roles.ts';
import { secrets } from './secrets.ts';
import { selfSubjectReviews } from './selfsubjectreviews.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { users } from './users.ts';

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
  ...openshiftAccessReviews,
  users,
  serviceAccounts,
];
