/** `…/scale`: how many pods a workload shall have, as `kubectl scale` and autoscalers read and set it. */
import type { Context } from '../objects/context.ts';
import { invalid, invalidValue } from '../objects/errors.ts';
import { managedByUpdate } from '../objects/fields/managed.ts';
import { apiTime, type KubeObject, nameOf } from '../objects/object.ts';
import { readObject } from '../objects/reads.ts';
import type { Computed, Resource, Subresource, Verb } from '../objects/resource.ts';
import { updateObject } from '../objects/writes.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { kindSchema, labelsText } from './workload.ts';

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

/** A kind that has a number of pods. */
export interface Scalable extends KubeObject {
  spec?: { replicas?: number; selector?: { matchLabels?: Record<string, string> } | Record<string, string> };
  status?: { replicas?: number };
}

const API = { group: 'autoscaling', version: 'v1' };
const VERBS: readonly Verb[] = ['get', 'patch', 'update'];

const schema = kindSchema('Scale', 'How many pods there shall be, and how many there are.');

/** The subresource of a kind; the kind is asked for only when it is needed, since it names this. */
export function scaleOf<T extends Scalable>(plural: string, parent: () => Resource<T>): Subresource<T> {
  const computed: Computed<Scale> = {
    async get(ctx, namespace, name) {
      const scale = scaleIn(await readObject(ctx, parent(), namespace, name));
      return { object: () => scale };
    },
    async update(ctx, namespace, name, scale) {
      return { object: scaleIn(await rescaled(ctx, parent(), namespace, name, scale)), created: false };
    },
  };
  const resource: Resource<Scale> = {
    ...API,
    kind: 'Scale',
    resource: plural,
    singular: 'scale',
    namespaced: true,
    verbs: VERBS,
    schema,
    table: {
      columns: [
        nameColumn,
        { name: 'Desired', type: 'integer', description: 'How many pods there shall be.' },
        { name: 'Available', type: 'integer', description: 'How many pods there are.' },
        ageColumn,
      ],
      cells: (scale, now) => [nameOf(scale), scale.spec?.replicas ?? 0, scale.status?.replicas ?? 0, ageOf(scale, now)],
    },
    computed,
  };
  return { name: 'scale', kind: 'Scale', api: API, verbs: VERBS, schema, as: resource };
}

/** Sets the number; whoever sets it manages it, through this subresource. */
async function rescaled<T extends Scalable>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  name: string,
  scale: Scale,
): Promise<T> {
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    const cause = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid({ group: API.group, kind: 'Scale' }, name, [cause]);
  }
  const { resourceVersion, uid } = scale.metadata;
  const change = (old: T): T => {
    const { resourceVersion: _version, ...meta } = old.metadata;
    const next: T = {
      ...old,
      metadata: { ...meta, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
      spec: { ...old.spec, replicas },
    };
    const writer = {
      manager: ctx.fieldManager ?? 'unknown',
      operation: 'Update' as const,
      apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version,
      subresource: 'scale',
    };
    const managedFields = managedByUpdate(resource.schema, old, next, writer, apiTime(ctx.now()));
    if (managedFields.length > 0) next.metadata.managedFields = managedFields;
    return next;
  };
  return (await updateObject(ctx, resource, namespace, name, change)).object;
}

function scaleIn({ metadata, spec, status }: Scalable): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = spec?.selector;
  const labels = selector && 'matchLabels' in selector ? selector.matchLabels : selector;
  const text = typeof labels === 'object' ? labelsText(labels as Record<string, string>) : '';
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: { ...(spec?.replicas && { replicas: spec.replicas }) },
    status: { replicas: status?.replicas ?? 0, ...(text !== '' && { selector: text }) },
  };
}
