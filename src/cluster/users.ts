/** The resource `users`: people who have logged in or may; `users/~` is the caller, as OpenShift's clients ask for it. */
import { identityName, USER_PREFIX, userName } from '../access/person.ts';
import type { Context } from '../objects/context.ts';
import { type FieldError, invalid, invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { parsed } from '../objects/values.ts';
import { nameColumn } from './age.ts';
import { ALL_VERBS } from './workload.ts';

export const USER_GROUP = 'user.openshift.io';
/** Where components of the group live in OpenAPI. */
export const USER_V1 = 'com.github.openshift.api.user.v1';

export interface User extends KubeObject {
  fullName?: string;
  identities?: string[];
  groups?: string[] | null;
}

export const users: Resource<User> = {
  group: USER_GROUP,
  version: 'v1',
  kind: 'User',
  resource: 'users',
  singular: 'user',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: {
    type: 'object',
    component: `${USER_V1}.User`,
    description: 'Somebody who may log in.',
    required: ['groups'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The user's name, labels and annotations." },
      fullName: { type: 'string', description: 'The name for people to read.' },
      identities: {
        type: 'array',
        items: { type: 'string' },
        description: 'The identities by which the user logs in, each as provider:name.',
      },
      groups: {
        type: 'array',
        items: { type: 'string' },
        empty: 'always',
        description: 'The groups that the user is in; shown of the caller only, and not kept: groups name their users.',
      },
    },
  },
  table: {
    columns: [
      nameColumn,
      { name: 'UID', type: 'string', description: 'Tells this user from others that had the name before.' },
      { name: 'Full Name', type: 'string', description: 'The name for people to read.' },
      { name: 'Identities', type: 'string', description: 'The identities by which the user logs in.' },
    ],
    cells: (user) => [nameOf(user), user.metadata.uid ?? '', user.fullName ?? '', (user.identities ?? []).join(', ')],
  },
  kept: {
    prefix: USER_PREFIX,
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    prepareCreate: dropGroups,
    prepareUpdate: dropGroups,
    validateName: userName,
    validate: (_ctx, { identities = [] }) => identityErrors(identities),
    async virtual(ctx, name) {
      if (name === '~') return caller(ctx);
      const detail = userName(name);
      if (detail !== undefined) throw invalid(users, name, [invalidValue('metadata.name', name, detail)]);
      return undefined;
    },
  },
};

/** Which groups somebody is in is for the groups to say. */
function dropGroups(_ctx: Context, user: User): void {
  delete user.groups;
}

function identityErrors(identities: readonly string[]): FieldError[] {
  return identities.flatMap((identity, index) => {
    const detail = identityName(identity);
    return detail === undefined ? [] : [invalidValue(`identities[${index}]`, identity, detail)];
  });
}

/** The caller: as kept, if there is such a user, with the groups that count for this request. */
async function caller({ store, settings, user: { name, uid, groups: given } }: Context): Promise<User> {
  const groups = [...new Set(given)].sort();
  const kept = userName(name) === undefined ? await readKept(store, users, '', name) : undefined;
  if (!kept) return { metadata: { name, ...(uid && { uid }) }, groups };
  const stored = parsed(users, settings, kept);
  return { ...stored, metadata: { ...stored.metadata, ...(uid && { uid }) }, groups };
}
