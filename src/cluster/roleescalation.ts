/**
 * Nobody gives away what they do not hold: whoever writes a role must hold its rules or have the verb `escalate` on it,
 * whoever writes a binding must hold the rules of its role or have the verb `bind` on that.
 */
import { isDeepStrictEqual } from 'node:util';
import { missingRules, refusalToGrant, TooManyCombinations } from '../access/grants.ts';
import {
  type ClusterRole,
  EVERYTHING,
  type PolicyRule,
  RBAC_GROUP,
  type Role,
  type RoleBinding,
  type RoleRef,
  roleKey,
} from '../access/role.ts';
import { MASTERS } from '../access/user.ts';
import { ROLE_COMBINATIONS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { forbidden, type GroupResource, notFound } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';

/** Passes if the caller may give the rules of this role to others. @throws {DomainError} Forbidden */
export async function refuseRole(
  ctx: Context,
  resource: GroupResource,
  role: ClusterRole,
  old: ClusterRole | undefined,
): Promise<void> {
  if (isUnrestricted(ctx) || (old && isSameButForOwners(role, old))) return;
  const { namespace } = role.metadata;
  const name = nameOf(role);
  const attributes = {
    verb: 'escalate',
    group: RBAC_GROUP,
    resource: resource.resource,
    ...(namespace && { namespace }),
  };
  if ((await ctx.authorizer.authorize(ctx.user, { ...attributes, name })).allowed) return;
  // What an aggregated role comes to hold is for others to say.
  const wanted = [...(role.rules ?? []), ...(role.aggregationRule || old?.aggregationRule ? EVERYTHING : [])];
  await refuseGrant(ctx, resource, name, namespace ?? '', wanted);
}

/**
 * Passes if the caller may give others the role that this binding refers to.
 * @throws {DomainError} Forbidden; NotFound if there is no such role, so that nobody can wait for it to be made.
 */
export async function refuseBinding(
  ctx: Context,
  resource: GroupResource,
  binding: RoleBinding,
  old: RoleBinding | undefined,
): Promise<void> {
  if (isUnrestricted(ctx) || (old && isSameButForOwners(binding, old))) return;
  const namespace = binding.metadata.namespace ?? '';
  const ref = binding.roleRef ?? {};
  const attributes = {
    verb: 'bind',
    group: RBAC_GROUP,
    resource: resourceOf(ref),
    name: ref.name ?? '',
    ...(namespace !== '' && { namespace }),
  };
  if ((await ctx.authorizer.authorize(ctx.user, attributes)).allowed) return;
  await refuseGrant(ctx, resource, nameOf(binding), namespace, await rulesOf(ctx, ref, namespace));
}

function isUnrestricted(ctx: Context): boolean {
  return ctx.user.groups.includes(MASTERS);
}

/** A garbage collector changes only what keeps an object from going away; that gives nobody anything. */
function isSameButForOwners(object: KubeObject, old: KubeObject): boolean {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...meta } = object.metadata;
  const {
    ownerReferences: _oldOwners,
    finalizers: _oldFinalizers,
    managedFields: _oldFields,
    resourceVersion,
    ...oldMeta
  } = old.metadata;
  return isDeepStrictEqual(
    { ...object, metadata: { ...meta, resourceVersion } },
    { ...old, metadata: { ...oldMeta, resourceVersion } },
  );
}

function resourceOf({ kind }: RoleRef): string {
  return kind === 'ClusterRole' ? 'clusterroles' : 'roles';
}

async function rulesOf(ctx: Context, ref: RoleRef, namespace: string): Promise<readonly PolicyRule[]> {
  const entry = await ctx.store.get(roleKey(ref, namespace));
  if (!entry) throw notFound({ group: RBAC_GROUP, resource: resourceOf(ref) }, ref.name ?? '');
  return (JSON.parse(entry.value.toString()) as Role).rules ?? [];
}

async function refuseGrant(
  ctx: Context,
  resource: GroupResource,
  name: string,
  namespace: string,
  wanted: readonly PolicyRule[],
): Promise<void> {
  const { rules = [], obstacle = '' } = (await ctx.authorizer.rulesFor?.(ctx.user, namespace)) ?? {};
  try {
    const missing = missingRules(rules, wanted);
    if (missing.length === 0) return;
    const unresolved =
      obstacle === '' ? '' : `; resolution errors: ${obstacle.startsWith('[') ? obstacle : `[${obstacle}]`}`;
    throw forbidden(resource, name, refusalToGrant(ctx.user, missing) + unresolved);
  } catch (error) {
    if (!(error instanceof TooManyCombinations)) throw error;
    const most = `the rules come to more than ${ROLE_COMBINATIONS} combinations of verb, group, resource and name`;
    throw forbidden(resource, name, `${most}: too many to compare with what the user holds; use * or several roles`);
  }
}
