/** The resource `users`: `users/~` is the caller, as OpenShift's clients ask for it. */
import { notFound } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { Property } from '../objects/schema.ts';
import { nameColumn } from './age.ts';

interface User extends KubeObject {
  fullName?: string;
  identities: string[] | null;
  groups: string[] | null;
}

function names(description: string): Property {
  return { type: 'array', items: { type: 'string' }, empty: 'always', description };
}

/** No user is kept: whoever has a token, a certificate or a service account is one. */
export const users: Resource<User> = {
  group: 'user.openshift.io',
  version: 'v1',
  kind: 'User',
  resource: 'users',
  singular: 'user',
  namespaced: false,
  verbs: ['get'],
  schema: {
    type: 'object',
    component: 'com.github.openshift.api.user.v1.User',
    description: 'Somebody who may log in.',
    required: ['groups'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The user's name." },
      fullName: { type: 'string', description: 'The name for people to read.' },
      identities: names('The identities by which the user logs in.'),
      groups: names('The groups that the user is in.'),
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
  computed: {
    get(ctx, _namespace, name) {
      if (name !== '~') throw notFound(users, name);
      const { name: own, uid, groups } = ctx.user;
      const user: User = {
        metadata: { name: own, ...(uid && { uid }) },
        identities: null,
        groups: [...new Set(groups)].sort(),
      };
      return { object: () => user };
    },
  },
};
