/** The resources `rolebindings` and `clusterrolebindings`: who holds which role. */
import {
  CLUSTER_ROLE_BINDING_PREFIX,
  RBAC_GROUP,
  ROLE_BINDING_PREFIX,
  type RoleBinding,
  type Subject,
} from '../access/role.ts';
import type { Context } from '../objects/context.ts';
import { type FieldError, fixedErrors, invalidValue, required } from '../objects/errors.ts';
import { dnsSubdomain, pathSegmentName } from '../objects/metadata.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { nameOf } from '../objects/object.ts';
import type { Kept, Resource, TableColumns } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { refuseBinding } from './roleescalation.ts';
import { RBAC_V1 } from './rolerules.ts';
import { ALL_VERBS } from './workload.ts';

const subject: ObjectSchema = {
  type: 'object',
  component: `${RBAC_V1}.Subject`,
  description: 'A user, a group or a service account.',
  mapType: 'atomic',
  required: ['kind', 'name'],
  properties: {
    kind: { type: 'string', empty: 'always', description: '`User`, `Group` or `ServiceAccount`.' },
    apiGroup: {
      type: 'string',
      description:
        '`rbac.authorization.k8s.io` for users and groups, which is the default; empty for service accounts.',
    },
    name: { type: 'string', empty: 'always', description: 'The name.' },
    namespace: {
      type: 'string',
      description: "The service account's namespace; in a role binding, that of the binding if it is empty.",
    },
  },
};

const roleRef: ObjectSchema = {
  type: 'object',
  component: `${RBAC_V1}.RoleRef`,
  description: 'Names a role.',
  mapType: 'atomic',
  required: ['apiGroup', 'kind', 'name'],
  properties: {
    apiGroup: { type: 'string', empty: 'always', description: '`rbac.authorization.k8s.io`.' },
    kind: { type: 'string', empty: 'always', description: '`Role` or `ClusterRole`.' },
    name: { type: 'string', empty: 'always', description: 'The name of the role.' },
  },
};

function schemaOf(kind: string, description: string): ObjectSchema {
  return {
    type: 'object',
    component: `${RBAC_V1}.${kind}`,
    description,
    required: ['roleRef'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The binding's name, labels and annotations." },
      subjects: { type: 'array', items: subject, listType: 'atomic', description: 'Who holds the role.' },
      roleRef: { ...roleRef, description: 'The role. It cannot be changed.' },
    },
  };
}

const table: TableColumns<RoleBinding> = {
  columns: [
    nameColumn,
    { name: 'Role', type: 'string', description: 'Kind and name of the role.' },
    ageColumn,
    { name: 'Users', type: 'string', priority: 1, description: 'Users that hold the role.' },
    { name: 'Groups', type: 'string', priority: 1, description: 'Groups that hold the role.' },
    { name: 'ServiceAccounts', type: 'string', priority: 1, description: 'Service accounts that hold the role.' },
  ],
  cells: (binding, now) => [
    nameOf(binding),
    `${binding.roleRef?.kind ?? ''}/${binding.roleRef?.name ?? ''}`,
    ageOf(binding, now),
    subjectsOf(binding, 'User').join(', '),
    subjectsOf(binding, 'Group').join(', '),
    subjectsOf(binding, 'ServiceAccount').join(', '),
  ],
};

function subjectsOf({ subjects = [] }: RoleBinding, kind: string): string[] {
  return subjects
    .filter((one) => one.kind === kind)
    .map(({ name = '', namespace = '' }) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name));
}

/** Fills in the API groups that are left out. */
function setGroups(binding: RoleBinding): void {
  for (const one of binding.subjects ?? []) {
    if (one.kind === 'User' || one.kind === 'Group') one.apiGroup ||= RBAC_GROUP;
  }
  binding.roleRef = { ...binding.roleRef, apiGroup: binding.roleRef?.apiGroup || RBAC_GROUP };
}

function keptOf(
  prefix: string,
  roleKinds: readonly string[],
  resource: () => Resource<RoleBinding>,
): Kept<RoleBinding> {
  const namespaced = roleKinds.length > 1;
  const prepare = (ctx: Context, binding: RoleBinding, old?: RoleBinding): Promise<void> => {
    setGroups(binding);
    return refuseBinding(ctx, resource(), binding, old);
  };
  return {
    prefix,
    unconditionalUpdate: true,
    createOnUpdate: true,
    generation: false,
    prepareCreate: prepare,
    prepareUpdate: prepare,
    validate: (_ctx, binding, old) => [
      ...roleRefErrors(binding, roleKinds),
      ...(binding.subjects ?? []).flatMap((one, index) => subjectErrors(one, namespaced, `subjects[${index}]`)),
      ...fixedErrors('roleRef', binding.roleRef, old && { was: old.roleRef }),
    ],
    validateName: pathSegmentName,
  };
}

function roleRefErrors({ roleRef: ref = {} }: RoleBinding, kinds: readonly string[]): FieldError[] {
  const { apiGroup = '', kind = '', name = '' } = ref;
  const errors: FieldError[] = [];
  if (apiGroup !== RBAC_GROUP) errors.push(unsupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]));
  if (!kinds.includes(kind)) errors.push(unsupported('roleRef.kind', kind, kinds));
  const detail = name === '' ? undefined : pathSegmentName(name);
  if (name === '') errors.push(required('roleRef.name'));
  else if (detail !== undefined) errors.push(invalidValue('roleRef.name', name, detail));
  return errors;
}

function subjectErrors(one: Subject, namespaced: boolean, field: string): FieldError[] {
  const { kind = '', apiGroup = '', name = '', namespace = '' } = one;
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${field}.name`));
  if (kind === 'ServiceAccount') {
    const detail = name === '' ? undefined : dnsSubdomain(name);
    if (detail !== undefined) errors.push(invalidValue(`${field}.name`, name, detail));
    if (apiGroup !== '') errors.push(unsupported(`${field}.apiGroup`, apiGroup, ['']));
    if (!namespaced && namespace === '') errors.push(required(`${field}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== RBAC_GROUP) errors.push(unsupported(`${field}.apiGroup`, apiGroup, [RBAC_GROUP]));
  } else {
    errors.push(unsupported(`${field}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

function unsupported(field: string, value: string, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`;
  return { type: 'NotSupported', field, value, detail };
}

export const roleBindings: Resource<RoleBinding> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'RoleBinding',
  resource: 'rolebindings',
  singular: 'rolebinding',
  namespaced: true,
  verbs: ALL_VERBS,
  schema: schemaOf('RoleBinding', 'Gives users a role or a cluster role, in the namespace of the binding.'),
  table,
  kept: keptOf(ROLE_BINDING_PREFIX, ['Role', 'ClusterRole'], () => roleBindings),
};

export const clusterRoleBindings: Resource<RoleBinding> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: schemaOf('ClusterRoleBinding', 'Gives users a cluster role, in all namespaces and for the cluster itself.'),
  table,
  kept: keptOf(CLUSTER_ROLE_BINDING_PREFIX, ['ClusterRole'], () => clusterRoleBindings),
};
