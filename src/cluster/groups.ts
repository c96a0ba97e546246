/** The resource `groups`: users who have the same roles. A change counts from the next request on. */
import { GROUP_PREFIX, groupName, userName } from '../access/person.ts';
import { type FieldError, invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { nameColumn } from './age.ts';
import { USER_GROUP, USER_V1 } from './users.ts';
import { ALL_VERBS } from './workload.ts';

export interface Group extends KubeObject {
  users?: string[] | null;
}

export const groups: Resource<Group> = {
  group: USER_GROUP,
  version: 'v1',
  kind: 'Group',
  resource: 'groups',
  singular: 'group',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: {
    type: 'object',
    component: `${USER_V1}.Group`,
    description: 'Users to whom roles can be bound together.',
    required: ['users'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The group's name, labels and annotations." },
      users: {
        type: 'array',
        items: { type: 'string' },
        empty: 'always',
        description: 'The names of the users in the group.',
      },
    },
  },
  table: {
    columns: [nameColumn, { name: 'Users', type: 'string', description: 'The names of the users in the group.' }],
    cells: (group) => [nameOf(group), (group.users ?? []).join(', ')],
  },
  kept: {
    prefix: GROUP_PREFIX,
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    validateName: groupName,
    validate: (_ctx, { users }) => memberErrors(users ?? []),
  },
};

/** The path in the errors is OpenShift's. */
function memberErrors(members: readonly string[]): FieldError[] {
  return members.flatMap((member, index) => {
    const detail = member === '' ? 'may not be empty' : userName(member);
    return detail === undefined ? [] : [invalidValue(`user[${index}]`, member, detail)];
  });
}
