/**
 * The resource `resourcequotas`: how many things a namespace may hold. Object counts are enforced with every creation
 * (src/objects/charges.ts); limits of CPU, memory and the like are kept for whoever runs pods.
 */
import { isDeepStrictEqual } from 'node:util';
import { countsObjects, isObjectCount, type ResourceList, type ResourceQuota, sorted } from '../objects/charges.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { nameOf } from '../objects/object.ts';
import type { Kept, Resource } from '../objects/resource.ts';
import { markChange, QUOTA_PREFIX } from '../objects/restrictions.ts';
import type { ObjectSchema, Property } from '../objects/schema.ts';
import { keyOf } from '../objects/values.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import { amounts } from './resourcenames.ts';
import { validateAmounts, validateQuota } from './resourcequotas.validate.ts';
import { ALL_VERBS } from './workload.ts';

const selectorSchema: Property = {
  type: 'object',
  component: `${CORE_V1}.ScopeSelector`,
  mapType: 'atomic',
  empty: 'pointer',
  description: 'Which pods and claims the quota is about, in more words than scopes has.',
  properties: {
    matchExpressions: {
      type: 'array',
      listType: 'atomic',
      description: 'Requirements that all must hold.',
      items: {
        type: 'object',
        component: `${CORE_V1}.ScopedResourceSelectorRequirement`,
        description: 'A requirement to a scope.',
        required: ['scopeName', 'operator'],
        properties: {
          scopeName: { type: 'string', empty: 'always', description: 'The scope, such as PriorityClass.' },
          operator: { type: 'string', empty: 'always', description: 'In, NotIn, Exists or DoesNotExist.' },
          values: {
            type: 'array',
            listType: 'atomic',
            items: { type: 'string' },
            description: 'What In and NotIn compare with; nothing for the others.',
          },
        },
      },
    },
  },
};

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.ResourceQuota`,
  description: 'How many things of which kinds a namespace may hold, and how many it does.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The quota's name, labels and annotations." },
    spec: {
      type: 'object',
      component: `${CORE_V1}.ResourceQuotaSpec`,
      description: 'What is limited.',
      properties: {
        hard: amounts(
          'The most there may be, by name: `openshift.io/imagestreams`, `count/<resource>.<group>`, or, of the core group, a bare name such as `configmaps`.',
        ),
        scopes: {
          type: 'array',
          listType: 'atomic',
          items: { type: 'string' },
          description: 'Which pods the quota is about. With any scope it counts nothing else; it cannot be changed.',
        },
        scopeSelector: selectorSchema,
      },
    },
    status: {
      type: 'object',
      component: `${CORE_V1}.ResourceQuotaStatus`,
      description: 'What is enforced, and how much of it is used.',
      properties: {
        hard: amounts('The limits that are enforced. What stands only in spec is not.'),
        used: amounts('How much there is, for each of them.'),
      },
    },
  },
};

/** What has been counted stays right as long as its name stays in spec. */
function keepCounted(quota: ResourceQuota, old: ResourceQuota): void {
  const { used = {}, ...status } = old.status ?? {};
  const names = Object.keys(used).filter((name) => quota.spec?.hard?.[name] !== undefined);
  quota.status = { ...status, used: Object.fromEntries(names.map((name) => [name, used[name] ?? '0'])) };
}

/** The rules of resourcequotas/status: object counts are the server's, anything else is whose who counts it. */
const statusRules: Pick<Kept<ResourceQuota>, 'prepareUpdate' | 'validate'> = {
  prepareUpdate(_ctx, quota, old) {
    const { status } = quota;
    const merged = (sent: ResourceList = {}, counted: ResourceList = {}): ResourceList => {
      const theirs = Object.entries(sent).filter(([name]) => !(isObjectCount(name) && countsObjects(old)));
      const ours = Object.entries(counted).filter(([name]) => isObjectCount(name) && countsObjects(old));
      return sorted(Object.fromEntries([...theirs, ...ours]));
    };
    quota.status = {
      hard: merged(status?.hard, old.status?.hard),
      used: merged(status?.used, old.status?.used),
    };
    if (old.spec) quota.spec = old.spec;
  },
  validate: (_ctx, { status }) => [
    ...validateAmounts(status?.hard, 'status.hard'),
    ...validateAmounts(status?.used, 'status.used'),
  ],
};

export const resourceQuotas: Resource<ResourceQuota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  singular: 'resourcequota',
  shortNames: ['quota'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [
      nameColumn,
      {
        name: 'Request',
        type: 'string',
        description: 'What is used and the most there may be, of all but `limits.…`.',
      },
      { name: 'Limit', type: 'string', description: 'What is used and the most there may be, of `limits.…`.' },
      ageColumn,
    ],
    cells: (quota, now) => [nameOf(quota), usage(quota, false), usage(quota, true), ageOf(quota, now)],
  },
  kept: {
    prefix: QUOTA_PREFIX,
    unconditionalUpdate: true,
    generation: false,
    prepareCreate(_ctx, quota) {
      // Counted as soon as it is stored (quotacounts.ts): only from then on does every creation know of it.
      delete quota.status;
    },
    prepareUpdate: (_ctx, quota, old) => keepCounted(quota, old),
    validateName: dnsSubdomain,
    validate: (_ctx, quota, old) => validateQuota(quota, old),
    async alongside(ctx, quota, old) {
      if (quota && old && isDeepStrictEqual(quota.spec, old.spec)) return [];
      const { namespace = '', name = '' } = (quota ?? old)?.metadata ?? {};
      return [await markChange(ctx, namespace, keyOf(resourceQuotas, namespace, name), quota === undefined)];
    },
  },
  subresources: [{ name: 'status', kind: 'ResourceQuota', verbs: ['get', 'patch', 'update'], status: statusRules }],
};

/** `pods: 1/3, secrets: 0/10`, in the order of names. */
function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`)
    .join(', ');
}
