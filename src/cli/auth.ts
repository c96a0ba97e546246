/** `headgate auth why`: says which binding lets somebody do something, or which roles would. */
import { resolve } from 'node:path';
import { type ClusterRole, serviceAccountGroups, serviceAccountOf } from '../access/role.ts';
import { questionOf, RuleSet } from '../access/rules.ts';
import { ANONYMOUS, type Attributes, AUTHENTICATED, AUTHENTICATED_OAUTH, UNAUTHENTICATED } from '../access/user.ts';
import type { Group } from '../cluster/groups.ts';
import { USER_GROUP } from '../cluster/users.ts';
import { ConfigError } from '../config.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { gatherSettings } from '../settings.ts';
import { type ApiClient, apiClient } from './apiclient.ts';
import { commandLine } from './words.ts';

const OPTIONS = {
  data: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  group: { type: 'string', short: 'g', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: headgate auth why USER VERB RESOURCE [NAME] [-n NAMESPACE] [-g GROUP]... [--data DIR]

Says whether a user may do something, and which binding and role allow it; if none does, which roles would.
The server must be running.

  USER        a user, or a service account as system:serviceaccount:NAMESPACE:NAME
  VERB        get, list, watch, create, update, patch, delete…
  RESOURCE    imagestreams, imagestreams/layers, deployments.apps; or a path such as /metrics
  NAME        of one object; without it, all of them
  -n          the namespace; without it, the whole cluster
  -g          a group that the user is in, beside those that the server knows of

Pulling an image is the verb get, pushing one is update, both on imagestreams/layers.
Ends with 0 if it is allowed, 1 if it is not.
`;

/** What is asked. */
interface Question {
  readonly user: string;
  readonly groups: readonly string[];
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * Prints the answer; the exit code says it too.
 * @throws {ConfigError} for what cannot be asked; {UnusableFile}; {ServerRefusal}
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = commandLine('auth', args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [command, user = '', verb = '', resource = '', name, ...more] = positionals;
  if (command !== 'why' || resource === '' || more.length > 0) {
    throw new ConfigError(['auth takes: why USER VERB RESOURCE [NAME]; "headgate auth --help" tells more']);
  }
  const api = apiClient(dataFolder(values.data));
  const groups = await groupsOf(api, user, values.group ?? []);
  const question = { user, groups, verb, resource, name, namespace: values.namespace };
  const { allowed, text } = await answer(api, question);
  process.stdout.write(text);
  process.exitCode = allowed ? 0 : 1;
}

function dataFolder(given: string | undefined): string {
  const problems: string[] = [];
  const settings = gatherSettings(given === undefined ? [] : ['--data', given], process.env, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return resolve(String(settings.get('data')?.value));
}

/** All groups that a user is in: those of the server, and what everybody or every account is in. */
async function groupsOf(api: ApiClient, user: string, given: readonly string[]): Promise<string[]> {
  if (user === ANONYMOUS.name) return [...given, UNAUTHENTICATED];
  const account = serviceAccountOf(user);
  if (account) return [...given, ...serviceAccountGroups(account.namespace), AUTHENTICATED];
  const selector = encodeURIComponent(`metadata.name=${user}`);
  const [groups, users] = await Promise.all([
    api('GET', `/apis/${USER_GROUP}/v1/groups`) as Promise<{ items: Group[] }>,
    api('GET', `/apis/${USER_GROUP}/v1/users?fieldSelector=${selector}`) as Promise<{ items: KubeObject[] }>,
  ]);
  const own = groups.items.filter(({ users: members }) => members?.includes(user)).map(nameOf);
  return [...given, ...own, ...(users.items.length > 0 ? [AUTHENTICATED_OAUTH] : []), AUTHENTICATED];
}

async function answer(api: ApiClient, question: Question): Promise<{ allowed: boolean; text: string }> {
  const { user, groups, namespace } = question;
  const attributes = await attributesOf(api, question);
  const spec = 'path' in attributes ? { nonResourceAttributes: attributes } : { resourceAttributes: attributes };
  const review = {
    kind: 'SubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    spec: { user, groups, ...spec },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const { status } = (await api('POST', path, review)) as { status: { allowed: boolean; reason?: string } };
  const what = whatOf(question);
  if (status.allowed) {
    const by = status.reason?.replace(/^RBAC: allowed by /, '') ?? 'members of system:masters may do everything';
    return { allowed: true, text: `yes: ${user} may ${what}\n  by: ${by}\n` };
  }
  const lines = [`no: ${user} may not ${what}`];
  if (status.reason) lines.push(`  but: ${status.reason}`);
  const roles = await rolesThatAllow(api, attributes);
  if (roles.length === 0) lines.push('  no cluster role allows it; make one with kubectl create clusterrole');
  else
    lines.push(
      `  roles that would allow it: ${roles.join(', ')}`,
      `  give one with: ${commandFor(question, roles[0] ?? '')}`,
    );
  return { allowed: false, text: `${lines.join('\n')}\n` };

  function commandFor(asked: Question, role: string): string {
    const account = serviceAccountOf(asked.user);
    const subject = account ? `--serviceaccount=${account.namespace}:${account.name}` : `--user=${asked.user}`;
    const scoped = namespace !== undefined && !('path' in attributes);
    const kind = scoped ? `rolebinding NAME -n ${namespace}` : 'clusterrolebinding NAME';
    return `kubectl create ${kind} --clusterrole=${role} ${subject}`;
  }
}

function whatOf({ verb, resource, name, namespace }: Question): string {
  const what = name === undefined ? `${verb} ${resource}` : `${verb} ${resource} ${name}`;
  if (resource.startsWith('/')) return what;
  return namespace === undefined ? `${what} in the whole cluster` : `${what} in the namespace ${namespace}`;
}

async function attributesOf(api: ApiClient, { verb, resource, name, namespace }: Question): Promise<Attributes> {
  if (resource.startsWith('/')) return { verb, path: resource };
  const [full = '', subresource] = resource.split('/');
  const dot = full.indexOf('.');
  const found = dot < 0 ? await lookedUp(api, full) : { resource: full.slice(0, dot), group: full.slice(dot + 1) };
  return {
    verb,
    ...found,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
  };
}

interface DiscoveredResource {
  readonly name: string;
  readonly singularName: string;
  readonly shortNames?: readonly string[];
}

/** Group and plural of a resource that is named as people do: by its plural, its singular or a short name. */
async function lookedUp(api: ApiClient, word: string): Promise<{ group: string; resource: string }> {
  const { groups } = (await api('GET', '/apis')) as {
    groups: { name: string; preferredVersion: { groupVersion: string } }[];
  };
  const paths = [
    { group: '', path: '/api/v1' },
    ...groups.map(({ name, preferredVersion }) => ({ group: name, path: `/apis/${preferredVersion.groupVersion}` })),
  ];
  for (const { group, path } of paths) {
    const { resources } = (await api('GET', path)) as { resources: DiscoveredResource[] };
    const found = resources.find(
      ({ name, singularName, shortNames = [] }) => name === word || singularName === word || shortNames.includes(word),
    );
    if (found) return { group, resource: found.name };
  }
  throw new ConfigError([`auth: the server has no resource "${word}"; name its group too, as in deployments.apps`]);
}

/** Cluster roles that would allow it, those that allow least first. Parts of other roles are left out. */
async function rolesThatAllow(api: ApiClient, attributes: Attributes): Promise<string[]> {
  const { items } = (await api('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles')) as { items: ClusterRole[] };
  const question = questionOf(attributes);
  return items
    .filter((role) => !nameOf(role).includes(':aggregate-to-') && new RuleSet(role.rules ?? []).allows(question))
    .map((role) => ({ name: nameOf(role), size: sizeOf(role) }))
    .sort((a, b) => a.size - b.size)
    .map(({ name }) => name);
}

function sizeOf({ rules }: ClusterRole): number {
  return (rules ?? []).reduce((sum, { verbs, resources, nonResourceURLs }) => {
    const everything = [verbs, resources, nonResourceURLs].some((words) => words?.includes('*'));
    return (
      sum + (everything ? 1e6 : 0) + (verbs?.length ?? 0) * ((resources?.length ?? 0) + (nonResourceURLs?.length ?? 0))
    );
  }, 0);
}
