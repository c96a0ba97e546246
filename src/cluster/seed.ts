/**
 * What every installation begins with: the roles and bindings that clients and guides rely on. Later starts add what is
 * missing and leave alone what an administrator added, as Kubernetes does; an object whose annotation
 * `rbac.authorization.kubernetes.io/autoupdate` is `false` is not touched at all.
 */
import { isDeepStrictEqual } from 'node:util';
import { missingRules } from '../access/grants.ts';
import type { ClusterRole, RoleBinding } from '../access/role.ts';
import { COMMIT_CHANGES, CONFLICT_TRIES } from '../limits.ts';
import { canonicalOf, puts } from '../objects/changes.ts';
import type { Context } from '../objects/context.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { apiTime, type KubeObject, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { parsed } from '../objects/values.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { aggregatedRules } from './clusterroleaggregation.ts';
import { clusterRoleBindings, roleBindings } from './rolebindings.ts';
import { clusterRoles, roles } from './roles.ts';
import { namespaceBindings } from './seedbindings.ts';
import { AUTOUPDATE } from './seedrule.ts';

/** Holds the version of the seeds that the store has been given. */
const MARKER = '/seeded/access';
/** The hash of what is seeded; written down, so that a start need not load all of it to see that nothing is new. */
export const SEED_VERSION = '8340612bff733c03';

/**
 * Makes sure that the store has been given these seeds once: where it has, one key is read.
 * @throws {StoreError}
 */
export async function seedAccess(ctx: Context): Promise<void> {
  const marker = await ctx.store.get(MARKER);
  if (marker?.value.toString() === SEED_VERSION) return;
  await retried(async () => {
    const changes = [...(await missing(ctx)), ...(await missingInNamespaces(ctx))];
    await commitAll(ctx, [...changes, { op: 'put', key: MARKER, value: Buffer.from(SEED_VERSION) }]);
  });
}

/** Adds what of the seeds has been deleted since, or taken away. @throws {StoreError} */
export async function restoreSeeds(ctx: Context): Promise<void> {
  await retried(async () => commitAll(ctx, await missing(ctx)));
}

/** The bindings of a new namespace, for the commit that makes it. */
export function namespaceSeeds(ctx: Context, namespace: string): Change[] {
  return namespaceBindings(namespace).flatMap((binding) =>
    puts(roleBindings, namespace, fresh(ctx, roleBindings, namespace, binding), undefined),
  );
}

/** Another process may seed at the same moment. */
async function retried(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CommitConflict) || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

async function commitAll(ctx: Context, changes: readonly Change[]): Promise<void> {
  for (let at = 0; at < changes.length; at += COMMIT_CHANGES) {
    await ctx.store.commit(changes.slice(at, at + COMMIT_CHANGES));
  }
}

async function missing(ctx: Context): Promise<Change[]> {
  const { seedClusterBindings, seedClusterRoles, seedLocalBindings, seedLocalRoles } = await import('./seedcontent.ts');
  const rules = aggregatedRules(seedClusterRoles);
  const filled = seedClusterRoles.map((role) => ({ ...role, rules: rules.get(nameOf(role)) ?? role.rules ?? [] }));
  const changes = await Promise.all([
    ...filled.map((role) => reconciled(ctx, clusterRoles, '', role, withMissingRules)),
    ...seedClusterBindings.map((one) => reconciled(ctx, clusterRoleBindings, '', one, withMissingSubjects)),
    ...seedLocalRoles.map(({ namespace, object }) => reconciled(ctx, roles, namespace, object, withMissingRules)),
    ...seedLocalBindings.map(({ namespace, object }) =>
      reconciled(ctx, roleBindings, namespace, object, withMissingSubjects),
    ),
  ]);
  return changes.flat();
}

/** Bindings of namespaces that were made before these seeds. */
async function missingInNamespaces(ctx: Context): Promise<Change[]> {
  const { entries } = await ctx.store.list(NAMESPACE_PREFIX);
  const changes: Change[] = [];
  for (const { key } of entries) {
    const namespace = key.slice(NAMESPACE_PREFIX.length);
    for (const binding of namespaceBindings(namespace)) {
      if (!(await readKept(ctx.store, roleBindings, namespace, nameOf(binding)))) {
        changes.push(...puts(roleBindings, namespace, fresh(ctx, roleBindings, namespace, binding), undefined));
      }
    }
  }
  return changes;
}

/** The object as it is stored for the first time. */
function fresh<T extends KubeObject>(ctx: Context, resource: Resource<T>, namespace: string, object: T): T {
  const identity = { uid: ctx.uid(), creationTimestamp: apiTime(ctx.now()), ...(namespace && { namespace }) };
  return canonicalOf(resource, { ...object, metadata: { ...object.metadata, ...identity } });
}

/**
 * The changes that bring an object to hold at least what its seed holds; none if its namespace does not exist.
 * @param merge What is stored with what the seed has more; undefined if it cannot be made so, and is made anew.
 */
async function reconciled<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  seed: T,
  merge: (stored: T, seed: T) => T | undefined,
): Promise<Change[]> {
  if (namespace && !(await ctx.store.get(NAMESPACE_PREFIX + namespace))) return [];
  const current = await readKept(ctx.store, resource, namespace, nameOf(seed));
  if (!current) return puts(resource, namespace, fresh(ctx, resource, namespace, seed), undefined);
  const stored = parsed(resource, ctx.settings, current);
  const { annotations, labels } = stored.metadata;
  if (annotations?.[AUTOUPDATE] === 'false') return [];
  const merged = merge(stored, seed);
  if (!merged) return puts(resource, namespace, fresh(ctx, resource, namespace, seed), current);
  const metadata = {
    ...stored.metadata,
    annotations: { ...seed.metadata.annotations, ...annotations },
    labels: { ...seed.metadata.labels, ...labels },
  };
  return puts(resource, namespace, canonicalOf(resource, { ...merged, metadata }), current);
}

/** The rules of an aggregated role are not its own. */
function withMissingRules(stored: ClusterRole, seed: ClusterRole): ClusterRole {
  if (seed.aggregationRule) {
    const selectors = stored.aggregationRule?.clusterRoleSelectors ?? [];
    const more = (seed.aggregationRule.clusterRoleSelectors ?? []).filter(
      (selector) => !selectors.some((one) => isDeepStrictEqual(one, selector)),
    );
    return { ...stored, aggregationRule: { clusterRoleSelectors: [...selectors, ...more] } };
  }
  const held = stored.rules ?? [];
  return { ...stored, rules: [...held, ...missingRules(held, seed.rules ?? [])] };
}

/** A binding to another role is not what was meant, and what it refers to cannot be changed. */
function withMissingSubjects(stored: RoleBinding, seed: RoleBinding): RoleBinding | undefined {
  if (!isDeepStrictEqual(stored.roleRef, seed.roleRef)) return undefined;
  const held = stored.subjects ?? [];
  const more = (seed.subjects ?? []).filter((subject) => !held.some((one) => isDeepStrictEqual(one, subject)));
  return { ...stored, subjects: [...held, ...more] };
}
