/** The resource `namespaces`. Everything else that has a namespace needs one that exists. */
import type { Context } from '../objects/context.ts';
import { invalidValue, notFound } from '../objects/errors.ts';
import { validateFinalizer } from '../objects/metadata.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsLabel } from '../objects/names.ts';
import { NAMESPACE_PREFIX, NAMESPACES, namespaceCheck } from '../objects/namespaced.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Kept, Resource, Subresource } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { creation } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import { namespaceContents } from './namespacecontents.ts';
import { namespaceSeeds } from './seed.ts';

/** What is there from the first start on. */
export const SEED_NAMESPACES: readonly string[] = ['default', 'kube-system', 'openshift', 'openshift-config-managed'];
/** Clients rely on these. */
const UNDELETABLE: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);
/** Stands for what the server itself clears. */
export const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

export interface NamespaceCondition {
  type: string;
  status: string;
  lastTransitionTime?: string | null;
  reason?: string;
  message?: string;
}

export interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: string; conditions?: NamespaceCondition[] };
}

const condition: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.NamespaceCondition`,
  description: 'One thing that is so or not so at the moment.',
  required: ['type', 'status'],
  properties: {
    type: {
      type: 'string',
      empty: 'always',
      description:
        'What it is about: `NamespaceContentRemaining` and `NamespaceFinalizersRemaining` say what holds up a deletion.',
    },
    status: { type: 'string', empty: 'always', description: '`True`, `False` or `Unknown`.' },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'Since when the status is what it is.' },
    reason: { type: 'string', description: 'Why, as one word for programs.' },
    message: { type: 'string', description: 'Why, for people.' },
  },
};

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.Namespace`,
  description: 'A scope for names: image streams, their tags and the rights to them live in a namespace.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The namespace's name, labels and annotations." },
    spec: {
      type: 'object',
      component: `${CORE_V1}.NamespaceSpec`,
      description: 'What must happen before the namespace is gone.',
      properties: {
        finalizers: {
          type: 'array',
          listType: 'atomic',
          description:
            'Who must clear the namespace before a deletion completes; `kubernetes` stands for what the server deletes. Changed through the subresource `finalize`.',
          items: { type: 'string' },
        },
      },
    },
    status: {
      type: 'object',
      component: `${CORE_V1}.NamespaceStatus`,
      description: 'Whether the namespace may be used.',
      properties: {
        phase: {
          type: 'string',
          description: 'Active, or Terminating while what is in the namespace is being deleted.',
        },
        conditions: {
          type: 'array',
          items: condition,
          patchStrategy: 'merge',
          patchMergeKey: 'type',
          listType: 'map',
          listMapKeys: ['type'],
          description: 'What is known about the state of the namespace, such as what holds up its deletion.',
        },
      },
    },
  },
};

/** The name as a label, which clients select by: it always is what it should be. */
function label(namespace: Namespace): void {
  if (nameOf(namespace) === '') return;
  namespace.metadata.labels = { ...namespace.metadata.labels, [NAME_LABEL]: nameOf(namespace) };
}

const kept: Kept<Namespace> = {
  prefix: NAMESPACE_PREFIX,
  unconditionalUpdate: true,
  generation: false,
  prepareCreate(_ctx, namespace) {
    // A name that was generated is not known before.
    label(namespace);
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] };
    namespace.status = { phase: 'Active' };
  },
  prepareUpdate(_ctx, namespace, old) {
    if (old.spec) namespace.spec = old.spec;
    if (old.status) namespace.status = old.status;
  },
  validate: (_ctx, { spec }, old) =>
    old ? [] : (spec?.finalizers ?? []).flatMap((finalizer) => validateFinalizer(finalizer, 'spec.finalizers')),
  validateName: dnsLabel,
  undeletable: (namespace) => (UNDELETABLE.has(nameOf(namespace)) ? 'this namespace may not be deleted' : undefined),
  alongside: async (ctx, namespace, old) => {
    if (!namespace || old) return [];
    const name = nameOf(namespace);
    return [...namespaceSeeds(ctx, name), ...(await namespaceContents(ctx, name))];
  },
  terminate(namespace) {
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
};

/** Rules of the subresource `status`, which changes metadata as well, as in Kubernetes. */
const statusRules: NonNullable<Subresource<Namespace>['status']> = {
  prepareUpdate(_ctx, namespace, old) {
    if (old.spec) namespace.spec = old.spec;
  },
  validate(_ctx, { metadata, status }) {
    const phase = status?.phase ?? '';
    const [wanted, not] = metadata.deletionTimestamp ? ['Terminating', 'not '] : ['Active', ''];
    if (phase === wanted) return [];
    return [invalidValue('status.Phase', phase, `may only be '${wanted}' if \`deletionTimestamp\` is ${not}empty`)];
  },
};

/** Rules of the subresource `finalize`, by which those who clear a namespace say that they have. */
const finalizeRules: NonNullable<Subresource<Namespace>['status']> = {
  prepareUpdate(_ctx, namespace, old) {
    if (old.status) namespace.status = old.status;
  },
  validate: (_ctx, { spec }) =>
    (spec?.finalizers ?? []).flatMap((finalizer, index) => validateFinalizer(finalizer, `spec.finalizers[${index}]`)),
};

export const namespaces: Resource<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema,
  table: {
    columns: [
      nameColumn,
      { name: 'Status', type: 'string', description: 'Active, or Terminating while it is being deleted.' },
      ageColumn,
    ],
    cells: (namespace, now) => [nameOf(namespace), namespace.status?.phase ?? '', ageOf(namespace, now)],
  },
  fields: { 'status.phase': ({ status }) => status?.phase ?? '' },
  normalise: label,
  untouched: ['status'],
  kept,
  subresources: [
    { name: 'finalize', kind: 'Namespace', verbs: ['update'], status: finalizeRules, untouched: ['status'] },
    { name: 'status', kind: 'Namespace', verbs: ['get', 'patch', 'update'], status: statusRules, untouched: ['spec'] },
  ],
};

/**
 * Changes for the commit of something that needs a namespace: they check it, or make it where pushes may.
 * @throws {DomainError} NotFound if it does not exist and may not be made; Forbidden if it is being deleted.
 */
export async function namespaceChanges(ctx: Context, name: string): Promise<readonly Change[]> {
  if (await ctx.store.get(NAMESPACE_PREFIX + name)) {
    return [await namespaceCheck(ctx.store, name, NAMESPACES, name)];
  }
  if (!ctx.settings.autoNamespaces) throw notFound(NAMESPACES, name);
  return (await creation(ctx, namespaces, '', newNamespace(name))).changes;
}

function newNamespace(name: string): Namespace {
  return { kind: 'Namespace', apiVersion: 'v1', metadata: { name } };
}

/** Makes the namespaces that do not exist. */
export async function ensureNamespaces(ctx: Context, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => ensureNamespace(ctx, name)));
}

async function ensureNamespace(ctx: Context, name: string): Promise<void> {
  if (await ctx.store.get(NAMESPACE_PREFIX + name)) return;
  try {
    await ctx.store.commit((await creation(ctx, namespaces, '', newNamespace(name))).changes);
  } catch (error) {
    // Another process that starts at this moment made it.
    if (!(error instanceof CommitConflict)) throw error;
  }
}
