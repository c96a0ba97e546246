/**
 * The resource `projectrequests`: whoever may create one gets a namespace of their own and is its administrator. A list of
 * them says whether one may (`oc new-project` asks before it tries).
 */
import { RBAC_GROUP, type RoleBinding } from '../access/role.ts';
import { canonicalOf, puts } from '../objects/changes.ts';
import type { Context } from '../objects/context.ts';
import { alreadyExists, DomainError, type FieldError, forbidden, invalid, invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { apiTime, type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { creation, storeObject } from '../objects/writes.ts';
import { CommitConflict } from '../store/store.ts';
import { nameColumn } from './age.ts';
import { type Namespace, namespaces } from './namespaces.ts';
import {
  asProject,
  DESCRIPTION,
  DISPLAY_NAME,
  PROJECT_GROUP,
  PROJECT_V1,
  projectOf,
  projects,
  REQUESTER,
  sayingErrors,
} from './projects.ts';
import { roleBindings } from './rolebindings.ts';

interface ProjectRequest extends KubeObject {
  displayName?: string;
  description?: string;
}

/** Names that only administrators give, and how such names begin. */
const RESERVED: readonly string[] = ['openshift', 'kubernetes', 'kube'];
const RESERVED_PREFIXES: readonly string[] = RESERVED.map((name) => `${name}-`);
/** Refusals call a project by this name, as OpenShift's do. */
const ONE_PROJECT = { group: PROJECT_GROUP, resource: 'project' };
const NAME_CHARACTERS = 2;

function namespaceOf(ctx: Context, { metadata, displayName, description }: ProjectRequest): Namespace {
  const { name, labels, annotations } = metadata;
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(labels && { labels }),
      annotations: {
        ...annotations,
        [DESCRIPTION]: description ?? '',
        [DISPLAY_NAME]: displayName ?? '',
        [REQUESTER]: ctx.user.name,
      },
    },
  };
}

function nameErrors(name: string): FieldError[] {
  if (name === '' || name.length >= NAME_CHARACTERS) return [];
  return [invalidValue('metadata.name', name, `must be at least ${NAME_CHARACTERS} characters long`)];
}

/** The requester's own role, given by the server: they could not give it to themselves. */
function adminBinding(ctx: Context, namespace: string): RoleBinding {
  return canonicalOf(roleBindings, {
    metadata: { name: 'admin', namespace, uid: ctx.uid(), creationTimestamp: apiTime(ctx.now()) },
    subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: ctx.user.name }],
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: 'admin' },
  });
}

async function requested(ctx: Context, request: ProjectRequest): Promise<Namespace> {
  const name = nameOf(request);
  if (RESERVED.includes(name)) {
    throw forbidden(ONE_PROJECT, name, `cannot request a project with the name ${JSON.stringify(name)}`);
  }
  const reserved = RESERVED_PREFIXES.find((prefix) => name.startsWith(prefix));
  if (reserved !== undefined) {
    throw forbidden(ONE_PROJECT, name, `cannot request a project starting with ${JSON.stringify(reserved)}`);
  }
  const namespace = namespaceOf(ctx, request);
  const errors = [...nameErrors(name), ...sayingErrors(namespace)];
  if (errors.length > 0) throw invalid({ group: PROJECT_GROUP, kind: 'ProjectRequest' }, name, errors);
  const made = await creation(ctx, namespaces, '', namespace);
  const changes = [...made.changes, ...puts(roleBindings, name, adminBinding(ctx, name), undefined)];
  try {
    return (await storeObject(ctx, namespaces, '', made.object, undefined, changes)).object;
  } catch (error) {
    if (error instanceof CommitConflict && error.key === NAMESPACE_PREFIX + name)
      throw alreadyExists(ONE_PROJECT, name);
    throw error;
  }
}

/** Passes if the caller may ask for projects. @throws {DomainError} Forbidden */
async function refuseRequests(ctx: Context): Promise<void> {
  const attributes = { verb: 'create', group: PROJECT_GROUP, resource: projectRequests.resource };
  if ((await ctx.authorizer.authorize(ctx.user, attributes)).allowed) return;
  throw new DomainError({
    reason: 'Forbidden',
    resource: { group: PROJECT_GROUP, resource: 'projectrequest' },
    name: '',
    message: 'You may not request a new project via this API.',
    bare: true,
  });
}

export const projectRequests: Resource<ProjectRequest> = {
  group: PROJECT_GROUP,
  version: 'v1',
  kind: 'ProjectRequest',
  resource: 'projectrequests',
  singular: 'projectrequest',
  namespaced: false,
  verbs: ['create', 'list'],
  schema: {
    type: 'object',
    component: `${PROJECT_V1}.ProjectRequest`,
    description: 'Asks for a project of one’s own.',
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'The name of the project, and labels for it.' },
      displayName: { type: 'string', description: 'The name for people to read.' },
      description: { type: 'string', description: 'What the project is for.' },
    },
  },
  table: { columns: [nameColumn], cells: () => [''] },
  computed: {
    async create(ctx, _namespace, request) {
      const namespace = await asProject(() => requested(ctx, request));
      return { kind: projects.kind, apiVersion: `${PROJECT_GROUP}/v1`, ...projectOf(namespace) };
    },
    inquire: refuseRequests,
  },
};
