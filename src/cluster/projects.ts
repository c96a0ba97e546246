/**
 * The resource `projects`: namespaces as their users see them. Everybody may list projects, and sees those whose namespace
 * they may get; rights to a project are rights in its namespace.
 */
import { POLICY_PREFIX, ROLE_BINDING_PREFIX, type RoleBinding, serviceAccountUser } from '../access/role.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { DomainError, type FieldError, forbiddenField, invalid, invalidValue, notFound } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema, Property } from '../objects/schema.ts';
import { nameOfKey, parsed, whole } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import type { StoreEvent } from '../store/store.ts';
import { nameColumn } from './age.ts';
import { type Namespace, namespaces } from './namespaces.ts';
import { roleBindings } from './rolebindings.ts';

export const PROJECT_GROUP = 'project.openshift.io';
export const PROJECT_V1 = 'com.github.openshift.api.project.v1';
export const DISPLAY_NAME = 'openshift.io/display-name';
export const DESCRIPTION = 'openshift.io/description';
/** Who asked for the project. */
export const REQUESTER = 'openshift.io/requester';

export interface Project extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: string };
}

const spec: Property = {
  type: 'object',
  component: `${PROJECT_V1}.ProjectSpec`,
  description: 'What must happen before the project is gone.',
  properties: {
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      description: 'Who must clear the project before a deletion completes.',
    },
  },
};

const status: Property = {
  type: 'object',
  component: `${PROJECT_V1}.ProjectStatus`,
  description: 'Whether the project may be used.',
  properties: {
    phase: { type: 'string', description: 'Active, or Terminating while what is in the project is being deleted.' },
  },
};

const schema: ObjectSchema = {
  type: 'object',
  component: `${PROJECT_V1}.Project`,
  description: 'A namespace with what people say about it: a name to read, a description, who asked for it.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The namespace's name, labels and annotations." },
    spec,
    status,
  },
};

/** A namespace as a project. */
export function projectOf(namespace: Namespace): Project {
  const { kind: _kind, apiVersion: _apiVersion, metadata, spec: given, status: state } = namespace;
  const { finalizers } = given ?? {};
  return {
    metadata,
    spec: { ...(finalizers && { finalizers }) },
    status: { ...(state?.phase !== undefined && { phase: state.phase }) },
  };
}

/** What is wrong with what people say about a project. */
export function sayingErrors({ metadata }: KubeObject): FieldError[] {
  const name = metadata.annotations?.[DISPLAY_NAME] ?? '';
  if (!/[\n\t]/.test(name)) return [];
  const field = `metadata.annotations[${DISPLAY_NAME}]`;
  return [invalidValue(field, name, 'may not contain a new line or tab')];
}

/** Errors of the namespace behind a project name the project. */
export async function asProject<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { problem } = error;
    if ('resource' in problem && problem.resource.resource === namespaces.resource) {
      const { group, resource } = projects;
      throw new DomainError({ ...problem, resource: { group, resource } }, { cause: error });
    }
    if (problem.reason !== 'Invalid') throw error;
    throw invalid(projects, problem.name, problem.causes);
  }
}

async function namespaceNamed(ctx: Context, name: string): Promise<Namespace> {
  const kept = await readKept(ctx.store, namespaces, '', name);
  if (!kept) throw notFound(projects, name);
  return parsed(namespaces, ctx.settings, kept);
}

/** Whether the caller may get a namespace by a role in it: it is theirs to see then. */
async function maySee(ctx: Context, namespace: string): Promise<boolean> {
  const attributes = { verb: 'get', group: '', resource: namespaces.resource, namespace, name: namespace };
  return (await ctx.authorizer.authorize(ctx.user, attributes)).allowed;
}

/** The project that a caller may have seen until a binding in it was changed or removed: one that was theirs. */
function lost({ user }: Context, { key, previous }: StoreEvent): string | undefined {
  if (!previous || !key.startsWith(ROLE_BINDING_PREFIX)) return undefined;
  const { subjects = [] } = JSON.parse(previous.value.toString()) as RoleBinding;
  const home = nameOfKey(roleBindings, key).namespace;
  const theirs = subjects.some(({ kind, name = '', namespace }) => {
    if (kind === 'ServiceAccount') return user.name === serviceAccountUser(namespace || home, name);
    return kind === 'Group' ? user.groups.includes(name) : user.name === name;
  });
  return theirs ? home : undefined;
}

async function visible(ctx: Context): Promise<Project[]> {
  const { entries } = await ctx.store.list(NAMESPACE_PREFIX);
  const found: Project[] = [];
  for (const entry of entries) {
    if (!(await maySee(ctx, entry.key.slice(NAMESPACE_PREFIX.length)))) continue;
    found.push(projectOf(parsed(namespaces, ctx.settings, whole(entry))));
  }
  return found;
}

/** Labels and annotations are all that may change through a project. */
function changeErrors(project: Project, old: Project): FieldError[] {
  const errors = sayingErrors(project);
  for (const [member, changed] of [
    ['spec', JSON.stringify(project.spec ?? {}) !== JSON.stringify(old.spec ?? {})],
    ['status', JSON.stringify(project.status ?? {}) !== JSON.stringify(old.status ?? {})],
  ] as const) {
    if (changed) errors.push(forbiddenField(member, 'may not be changed through a project'));
  }
  return errors;
}

/** What projects say of themselves, however they are read. */
const facts = {
  group: PROJECT_GROUP,
  version: 'v1',
  kind: 'Project',
  resource: 'projects',
  singular: 'project',
  namespaced: false,
  namesNamespaces: true,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema,
  table: {
    columns: [
      nameColumn,
      { name: 'Display Name', type: 'string', description: 'The name for people to read.' },
      { name: 'Status', type: 'string', description: 'Active, or Terminating while it is being deleted.' },
    ],
    cells: (project: Project) => [
      nameOf(project),
      project.metadata.annotations?.[DISPLAY_NAME] ?? '',
      project.status?.phase ?? '',
    ],
  },
} as const satisfies Resource<Project>;

/** Namespaces in the form of projects: what is watched. */
const watchedProjects: Resource<Project> = {
  ...facts,
  kept: {
    prefix: NAMESPACE_PREFIX,
    form: { toKept: (project) => project, fromKept: projectOf },
    unconditionalUpdate: true,
    generation: false,
    validate: () => [],
    validateName: () => undefined,
  },
};

export const projects: Resource<Project> = {
  ...facts,
  watched: { as: watchedProjects, sees: maySee, rights: POLICY_PREFIX, saw: lost },
  computed: {
    async get(ctx, _namespace, name) {
      const project = projectOf(await namespaceNamed(ctx, name));
      return { object: () => project };
    },
    list: (ctx) => visible(ctx),
    async create(ctx, _namespace, project) {
      const errors = sayingErrors(project);
      if (errors.length > 0) throw invalid(projects, nameOf(project), errors);
      const { metadata } = project;
      const made = await asProject(() => createObject(ctx, namespaces, '', { metadata }));
      return projectOf(made.object);
    },
    async update(ctx, _namespace, name, project) {
      const change = (old: Namespace): Namespace => {
        const errors = changeErrors(project, projectOf(old));
        if (errors.length > 0) throw invalid(projects, name, errors);
        return { ...old, metadata: { ...structuredClone(project.metadata) } };
      };
      const { object } = await asProject(() => updateObject(ctx, namespaces, '', name, change));
      return { object: projectOf(object), created: false };
    },
    async delete(ctx, _namespace, name, options) {
      await asProject(() => deleteObject(ctx, namespaces, '', name, options));
    },
  },
};
