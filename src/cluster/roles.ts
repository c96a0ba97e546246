/** The resources `roles` and `clusterroles`: what holders of a role may do. */
import { CLUSTER_ROLE_PREFIX, type ClusterRole, RBAC_GROUP, ROLE_PREFIX, type Role } from '../access/role.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { labelSelector, validateLabelSelector } from '../objects/labelselector.ts';
import { pathSegmentName } from '../objects/metadata.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { nameOf } from '../objects/object.ts';
import type { Kept, Resource, TableColumns } from '../objects/resource.ts';
import type { ObjectSchema, Property } from '../objects/schema.ts';
import { nameColumn } from './age.ts';
import { refuseRole } from './roleescalation.ts';
import { policyRule, RBAC_V1, validateRules } from './rolerules.ts';
import { ALL_VERBS } from './workload.ts';

const rules: Property = {
  type: 'array',
  items: policyRule,
  listType: 'atomic',
  empty: 'always',
  description: 'What the role allows. Of an aggregated cluster role, this is filled in by the server.',
};

const metadata: Property = { ...objectMeta, description: "The role's name, labels and annotations." };

const roleSchema: ObjectSchema = {
  type: 'object',
  component: `${RBAC_V1}.Role`,
  description: 'Rights in one namespace, to be given to users by role bindings.',
  required: ['rules'],
  properties: { ...typeMeta, metadata, rules },
};

const clusterRoleSchema: ObjectSchema = {
  type: 'object',
  component: `${RBAC_V1}.ClusterRole`,
  description:
    'Rights that can be given in the whole cluster by a cluster role binding, or in a namespace by a role binding there.',
  required: ['rules'],
  properties: {
    ...typeMeta,
    metadata,
    rules,
    aggregationRule: {
      type: 'object',
      empty: 'pointer',
      component: `${RBAC_V1}.AggregationRule`,
      description: 'If set, the rules are those of all cluster roles that one of the selectors selects.',
      properties: {
        clusterRoleSelectors: {
          type: 'array',
          items: labelSelector,
          listType: 'atomic',
          description: 'Select cluster roles by their labels.',
        },
      },
    },
  },
};

const table: TableColumns<Role> = {
  columns: [nameColumn, { name: 'Created At', type: 'date', description: 'When the role was made.' }],
  cells: (role) => [nameOf(role), role.metadata.creationTimestamp ?? null],
};

const roleRules: Kept<Role> = {
  prefix: ROLE_PREFIX,
  unconditionalUpdate: true,
  createOnUpdate: true,
  generation: false,
  prepareCreate: (ctx, role) => refuseRole(ctx, roles, role, undefined),
  prepareUpdate: (ctx, role, old) => refuseRole(ctx, roles, role, old),
  validate: (_ctx, role) => validateRules(role.rules, true),
  validateName: pathSegmentName,
};

export const roles: Resource<Role> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'Role',
  resource: 'roles',
  singular: 'role',
  namespaced: true,
  verbs: ALL_VERBS,
  schema: roleSchema,
  table,
  kept: roleRules,
};

const clusterRoleRules: Kept<ClusterRole> = {
  prefix: CLUSTER_ROLE_PREFIX,
  unconditionalUpdate: true,
  createOnUpdate: true,
  generation: false,
  prepareCreate: (ctx, role) => refuseRole(ctx, clusterRoles, role, undefined),
  prepareUpdate: (ctx, role, old) => refuseRole(ctx, clusterRoles, role, old),
  validate: (_ctx, role) => [...validateRules(role.rules, false), ...aggregationErrors(role)],
  validateName: pathSegmentName,
};

function aggregationErrors({ aggregationRule }: ClusterRole): FieldError[] {
  if (!aggregationRule) return [];
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const field = 'aggregationRule.clusterRoleSelectors';
  if (selectors.length === 0) {
    return [required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, index) => {
    const at = `${field}[${index}]`;
    const errors = validateLabelSelector(selector, at);
    // The reference then cannot make a selector of it, and says so.
    return errors.length === 0 ? [] : [...errors, invalidValue(at, null, 'invalid label selector.')];
  });
}

export const clusterRoles: Resource<ClusterRole> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRole',
  resource: 'clusterroles',
  singular: 'clusterrole',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: clusterRoleSchema,
  table,
  kept: clusterRoleRules,
};
