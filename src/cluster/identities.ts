/** The resource `identities`: whom a provider of identities knows by a name, and which user that is here. */
import { isDeepStrictEqual } from 'node:util';
import { IDENTITY_PREFIX, identityName, userName } from '../access/person.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { pathSegmentName } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { objectReferenceSchema } from '../objects/objectreference.ts';
import type { Resource, TableColumn } from '../objects/resource.ts';
import { nameColumn } from './age.ts';
import { USER_GROUP, USER_V1 } from './users.ts';
import { ALL_VERBS } from './workload.ts';

/** Another object, as far as people need it. */
export interface PersonReference {
  name?: string;
  uid?: string;
}

export interface Identity extends KubeObject {
  providerName: string;
  providerUserName: string;
  user?: PersonReference;
  extra?: Record<string, string>;
}

function named(name: string, description: string): TableColumn {
  return { name, type: 'string', format: 'name', description };
}

export const identities: Resource<Identity> = {
  group: USER_GROUP,
  version: 'v1',
  kind: 'Identity',
  resource: 'identities',
  singular: 'identity',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: {
    type: 'object',
    component: `${USER_V1}.Identity`,
    description: 'A name at a provider of identities, and the user who logs in by it.',
    required: ['providerName', 'providerUserName', 'user'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'The name is that of the provider, a colon, and the name there.' },
      providerName: { type: 'string', empty: 'always', description: 'The provider, such as htpasswd.' },
      providerUserName: { type: 'string', empty: 'always', description: 'The name that the provider knows.' },
      user: { ...objectReferenceSchema, empty: 'struct', description: 'The user: name and uid.' },
      extra: { type: 'map', values: { type: 'string' }, description: 'What else the provider says.' },
    },
  },
  table: {
    columns: [
      nameColumn,
      named('IDP Name', 'The provider.'),
      named('IDP User Name', 'The name that the provider knows.'),
      named('User Name', 'The user.'),
      { name: 'User UID', type: 'string', description: 'Tells the user from others that had the name before.' },
    ],
    cells: (identity) => [
      nameOf(identity),
      identity.providerName,
      identity.providerUserName,
      identity.user?.name ?? '',
      identity.user?.uid ?? '',
    ],
  },
  kept: {
    prefix: IDENTITY_PREFIX,
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    prepareCreate(_ctx, identity) {
      identity.metadata.name = `${identity.providerName ?? ''}:${identity.providerUserName ?? ''}`;
    },
    validateName: identityName,
    validate: (_ctx, identity, old) => [
      ...providerErrors(identity),
      ...userErrors(identity.user ?? {}),
      ...(old ? changeErrors(identity, old) : []),
    ],
  },
};

function providerErrors(identity: Identity): FieldError[] {
  const { providerName: provider, providerUserName: name } = identity;
  const errors: FieldError[] = [];
  const providerDetail = provider.includes(':') ? 'may not contain ":"' : pathSegmentName(provider);
  if (provider === '') errors.push(required('providerName'));
  else if (providerDetail !== undefined) errors.push(invalidValue('providerName', provider, providerDetail));
  const detail = userName(name);
  if (name === '') errors.push(required('providerUserName'));
  else if (detail !== undefined) errors.push(invalidValue('providerUserName', name, detail));
  const expected = `${provider}:${name}`;
  if (provider !== '' && name !== '' && nameOf(identity) !== expected) {
    errors.push(invalidValue('metadata.name', nameOf(identity), `must be ${expected}`));
  }
  return errors;
}

function userErrors({ name = '', uid = '' }: PersonReference): FieldError[] {
  const errors: FieldError[] = [];
  const detail = userName(name);
  if (detail !== undefined) errors.push(invalidValue('user.name', name, detail));
  if (name === '' && uid !== '') errors.push(required('user.username', 'username is required when uid is provided'));
  if (name !== '' && uid === '') errors.push(required('user.uid', 'uid is required when username is provided'));
  return errors;
}

function changeErrors(identity: Identity, old: Identity): FieldError[] {
  return (['providerName', 'providerUserName'] as const).flatMap((member) =>
    isDeepStrictEqual(identity[member], old[member])
      ? []
      : [invalidValue(member, identity[member], `may not change ${member}`)],
  );
}
