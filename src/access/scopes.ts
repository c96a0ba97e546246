/**
 * Scopes of tokens: what of a user's rights a token carries, in OpenShift's words. `user:full` is all of them, `user:info`
 * and the like are single things, `role:NAME:NAMESPACE` is what that cluster role allows there, but for what would give
 * more rights (secrets, tokens, roles), unless `:!` follows.
 */
import type { Awaitable } from '../store/store.ts';
import { EVERYTHING, type PolicyRule, RBAC_GROUP } from './role.ts';
import { questionOf, RuleSet } from './rules.ts';
import type { Attributes, User } from './user.ts';

/** The member of a user's extra that holds the scopes. */
export const SCOPES = 'scopes.authorization.openshift.io';
export const FULL_SCOPE = 'user:full';

/** A `role:` scope, taken apart. */
interface RoleScope {
  readonly role: string;
  /** `*` is all. */
  readonly namespace: string;
  /** Whether what gives more rights is included. */
  readonly escalating: boolean;
}

const PROJECTS: PolicyRule = {
  verbs: ['list', 'watch'],
  apiGroups: ['project.openshift.io', ''],
  resources: ['projects'],
};

const USER_SCOPES: Readonly<Record<string, readonly PolicyRule[]>> = {
  [FULL_SCOPE]: EVERYTHING,
  'user:info': [{ verbs: ['get'], apiGroups: ['user.openshift.io', ''], resources: ['users'], resourceNames: ['~'] }],
  'user:check-access': [
    { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews'] },
    { verbs: ['create'], apiGroups: ['authorization.openshift.io', ''], resources: ['selfsubjectrulesreviews'] },
  ],
  'user:list-scoped-projects': [PROJECTS],
  'user:list-projects': [PROJECTS, { verbs: ['get'], apiGroups: [''], resources: ['namespaces'] }],
};

/** The scopes that are no roles'. */
export const USER_SCOPE_NAMES = Object.keys(USER_SCOPES);

/** What every token may do: find out what the server offers. */
const DISCOVERY: PolicyRule = {
  verbs: ['get'],
  nonResourceURLs: [
    ...['/version', '/version/*', '/api', '/api/*', '/apis', '/apis/*', '/openapi/v2', '/openapi/v3', '/openapi/v3/*'],
    ...['/.well-known', '/.well-known/*', '/'],
  ],
};

/** What would give a token more rights than its scope names, by group. */
const ESCALATING: Readonly<Record<string, readonly string[]>> = {
  '': ['secrets', 'serviceaccounts/token'],
  'image.openshift.io': ['imagestreams/secrets'],
  'oauth.openshift.io': ['oauthauthorizetokens', 'oauthaccesstokens'],
  'authorization.openshift.io': ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
  [RBAC_GROUP]: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
};

/** Why a scope is refused, in OpenShift's words; undefined if it is fine. */
export function scopeProblem(scope: string): string | undefined {
  for (const character of scope) {
    if (!/[!#-[\]-~]/.test(character)) return `${character.codePointAt(0)} not allowed`;
  }
  if (Object.hasOwn(USER_SCOPES, scope)) return undefined;
  if (!scope.startsWith('role:')) return 'no scope handler found';
  return roleScope(scope) ? undefined : `bad format for scope ${scope}`;
}

function roleScope(scope: string): RoleScope | undefined {
  const escalating = scope.endsWith(':!');
  const text = scope.slice('role:'.length, escalating ? -2 : undefined);
  // Names of namespaces hold no colon, those of roles may.
  const colon = text.lastIndexOf(':');
  if (!scope.startsWith('role:') || colon <= 0 || colon === text.length - 1) return undefined;
  return { role: text.slice(0, colon), namespace: text.slice(colon + 1), escalating };
}

/** Whether scopes are a limit at all. */
export function limits(scopes: readonly string[] | undefined): scopes is readonly string[] {
  return scopes !== undefined && scopes.length > 0 && !scopes.includes(FULL_SCOPE);
}

/** The rules of a cluster role; undefined if there is none of that name. */
type ClusterRoleRules = (name: string) => Awaitable<readonly PolicyRule[] | undefined>;

/** What scopes allow at most in a namespace ('': in the cluster). */
export async function scopeRules(
  scopes: readonly string[],
  namespace: string,
  clusterRole: ClusterRoleRules,
): Promise<PolicyRule[]> {
  const rules: PolicyRule[] = [DISCOVERY];
  for (const scope of scopes) {
    rules.push(...(USER_SCOPES[scope] ?? []));
    const { role, namespace: where, escalating } = roleScope(scope) ?? {};
    if (role === undefined || (where !== '*' && where !== namespace)) continue;
    const held = (await clusterRole(role)) ?? [];
    rules.push(...(escalating ? held : held.flatMap(harmless)));
  }
  return rules;
}

/** Why a user's scopes keep it from something, in OpenShift's words; undefined if they do not. */
export async function scopeRefusal(
  { extra }: User,
  attributes: Attributes,
  clusterRole: ClusterRoleRules,
): Promise<string | undefined> {
  const scopes = extra?.[SCOPES];
  if (!limits(scopes)) return undefined;
  const namespace = 'path' in attributes ? '' : (attributes.namespace ?? '');
  const rules = await scopeRules(scopes, namespace, clusterRole);
  if (new RuleSet(rules).allows(questionOf(attributes))) return undefined;
  return `scopes [${scopes.join(' ')}] prevent this action`;
}

/** A rule without what escalates; nothing of one that is about everything. */
function harmless(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [] } = rule;
  if ([verbs, apiGroups, resources].some((words) => words?.includes('*'))) return [];
  const dangerous = new Set(apiGroups.flatMap((group) => ESCALATING[group] ?? []));
  // The groups of OpenShift may be named by the empty one too.
  if (apiGroups.includes(''))
    for (const names of Object.values(ESCALATING)) for (const name of names) dangerous.add(name);
  if (!resources.some((resource) => dangerous.has(resource))) return [rule];
  return [{ ...rule, resources: resources.filter((resource) => !dangerous.has(resource)) }];
}
