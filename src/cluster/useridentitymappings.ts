/**
 * The resource `useridentitymappings`: which identity is which user's. It is no object of its own: the identity names the
 * user, and the user its identities, and both are changed in one commit.
 */
import { identityName, userName } from '../access/person.ts';
import { CONFLICT_TRIES } from '../limits.ts';
import { canonicalOf, puts } from '../objects/changes.ts';
import type { Context } from '../objects/context.ts';
import {
  alreadyExists,
  conflict,
  DomainError,
  type FieldError,
  invalid,
  invalidValue,
  notFound,
  required,
} from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { objectReferenceSchema } from '../objects/objectreference.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { type KeptObject, parsed } from '../objects/values.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { nameColumn } from './age.ts';
import { type Identity, identities, type PersonReference } from './identities.ts';
import { USER_GROUP, USER_V1, type User, users } from './users.ts';

interface UserIdentityMapping extends KubeObject {
  identity?: PersonReference;
  user?: PersonReference;
}

/** An object with what is stored of it, so that it can be changed. */
interface Read<T> {
  readonly object: T;
  readonly kept: KeptObject;
}

/** As OpenShift's errors call it. */
const MAPPING = { group: USER_GROUP, resource: 'useridentitymapping' };

export const userIdentityMappings: Resource<UserIdentityMapping> = {
  group: USER_GROUP,
  version: 'v1',
  kind: 'UserIdentityMapping',
  resource: 'useridentitymappings',
  singular: 'useridentitymapping',
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'patch', 'update'],
  schema: {
    type: 'object',
    component: `${USER_V1}.UserIdentityMapping`,
    description: 'Says which user an identity is.',
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The identity's name." },
      identity: { ...objectReferenceSchema, empty: 'struct', description: 'The identity.' },
      user: { ...objectReferenceSchema, empty: 'struct', description: 'The user.' },
    },
  },
  table: {
    columns: [
      nameColumn,
      { name: 'Identity', type: 'string', description: 'The identity.' },
      { name: 'User Name', type: 'string', description: 'The user.' },
      { name: 'User UID', type: 'string', description: 'Tells the user from others that had the name before.' },
    ],
    cells: (mapping) => [
      nameOf(mapping),
      mapping.identity?.name ?? '',
      mapping.user?.name ?? '',
      mapping.user?.uid ?? '',
    ],
  },
  computed: {
    async get(ctx, _namespace, name) {
      const { mapping } = await related(ctx, name);
      if (!mapping) throw notFound(MAPPING, name);
      return { object: () => mapping };
    },
    create: (ctx, _namespace, mapping) =>
      retried(mapping, async () => {
        // oc names the identity alone.
        mapping.metadata.name ||= mapping.identity?.name ?? '';
        const { mapping: existing } = await related(ctx, nameOf(mapping));
        if (existing) throw alreadyExists(MAPPING, nameOf(mapping));
        return map(ctx, mapping);
      }),
    update: (ctx, _namespace, name, mapping) =>
      retried(mapping, async () => {
        mapping.metadata.name = name;
        const { mapping: existing } = await related(ctx, name);
        const version = mapping.metadata.resourceVersion;
        if (version && !existing) throw notFound(MAPPING, name);
        if (existing && version && version !== existing.metadata.resourceVersion) {
          const message = `the resource was updated to ${existing.metadata.resourceVersion}`;
          throw conflict(MAPPING, name, message);
        }
        if (existing && existing.user?.name === mapping.user?.name) return { object: existing, created: false };
        return { object: await map(ctx, mapping), created: !existing };
      }),
    async delete(ctx, _namespace, name) {
      await retried({ metadata: { name } }, async () => {
        const { mapping, identity, user } = await related(ctx, name);
        if (!mapping || !identity || !user) throw notFound(MAPPING, name);
        await commit(ctx, [...withoutIdentity(user, name), ...withUser(identity, {})]);
      });
    },
  },
};

/** Whoever was faster is looked at again. */
async function retried<T>(mapping: KubeObject, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (tries >= CONFLICT_TRIES) {
        throw new DomainError({ reason: 'ServerTimeout', resource: userIdentityMappings, operation: nameOf(mapping) });
      }
    }
  }
}

async function read<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  name: string,
): Promise<Read<T> | undefined> {
  const kept = await readKept(ctx.store, resource, '', name);
  return kept && { kept, object: parsed(resource, ctx.settings, kept) };
}

/** The identity, its user, and the mapping if both name each other. */
async function related(
  ctx: Context,
  name: string,
): Promise<{
  readonly identity: Read<Identity> | undefined;
  readonly user: Read<User> | undefined;
  readonly mapping: UserIdentityMapping | undefined;
}> {
  const identity = await read(ctx, identities, name);
  const reference = identity?.object.user;
  const user = reference?.name ? await read(ctx, users, reference.name) : undefined;
  const mutual = user && user.object.metadata.uid === reference?.uid && user.object.identities?.includes(name);
  return { identity, user, mapping: identity && mutual ? mappingOf(user.object, identity.object) : undefined };
}

function mappingOf(user: User, identity: Identity, version = identity.metadata.resourceVersion): UserIdentityMapping {
  const { name, uid } = identity.metadata;
  const { name: userOf, uid: userUid } = user.metadata;
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(uid !== undefined && { uid }),
      ...(version !== undefined && { resourceVersion: version }),
    },
    identity: { ...(name !== undefined && { name }), ...(uid !== undefined && { uid }) },
    user: { ...(userOf !== undefined && { name: userOf }), ...(userUid !== undefined && { uid: userUid }) },
  };
}

/** Makes the identity the user's, and no other's. Throws CommitConflict if somebody else changes them. */
async function map(ctx: Context, mapping: UserIdentityMapping): Promise<UserIdentityMapping> {
  const name = nameOf(mapping);
  const errors = mappingErrors(mapping);
  if (errors.length > 0) throw invalid(userIdentityMappings, name, errors);
  const refuse = (field: string, value: string, what: string): DomainError =>
    invalid(userIdentityMappings, name, [invalidValue(field, value, `referenced ${what} does not exist`)]);
  const { identity, user: before } = await related(ctx, name);
  if (!identity) throw refuse('identity.name', name, 'identity');
  const wanted = mapping.user?.name ?? '';
  const user = await read(ctx, users, wanted);
  if (!user) throw refuse('user.name', wanted, 'user');
  const { name: userOf = '', uid = '' } = user.object.metadata;
  const identitiesOfUser = [...new Set([...(user.object.identities ?? []), name])].sort();
  const revision = await commit(ctx, [
    ...puts(users, '', canonicalOf(users, { ...user.object, identities: identitiesOfUser }), user.kept),
    ...withUser(identity, { name: userOf, uid }),
    ...(before && nameOf(before.object) !== userOf ? withoutIdentity(before, name) : []),
  ]);
  return mappingOf(user.object, identity.object, revision === undefined ? undefined : String(revision));
}

async function commit(ctx: Context, changes: readonly Change[]): Promise<number | undefined> {
  return ctx.dryRun || changes.length === 0 ? undefined : ctx.store.commit(changes);
}

function withUser({ object, kept }: Read<Identity>, user: PersonReference): Change[] {
  return puts(identities, '', canonicalOf(identities, { ...object, user }), kept);
}

function withoutIdentity({ object, kept }: Read<User>, identity: string): Change[] {
  const left = (object.identities ?? []).filter((one) => one !== identity);
  return puts(users, '', canonicalOf(users, { ...object, identities: left }), kept);
}

function mappingErrors(mapping: UserIdentityMapping): FieldError[] {
  const name = nameOf(mapping);
  const { identity = {}, user = {} } = mapping;
  const errors: FieldError[] = [];
  const detail = identityName(name);
  if (name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else if (detail !== undefined) errors.push(invalidValue('metadata.name', name, detail));
  if (!identity.name) errors.push(required('identity.name'));
  else if (identity.name !== name)
    errors.push(invalidValue('identity.name', identity.name, 'must match metadata.name'));
  const userDetail = userName(user.name ?? '');
  if (!user.name) errors.push(required('user.name'));
  else if (userDetail !== undefined) errors.push(invalidValue('user.name', user.name, userDetail));
  return errors;
}
