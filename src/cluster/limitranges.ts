/**
 * The resource `limitranges`: how much one thing in a namespace may come to. Those of types `openshift.io/Image` and
 * `openshift.io/ImageStream` are enforced (src/streams/limits.ts); what they say of pods and volumes is kept for others.
 */
import { isDeepStrictEqual } from 'node:util';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { LIMIT_RANGE_PREFIX, type LimitRangeItem, markChange } from '../objects/restrictions.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { keyOf } from '../objects/values.ts';
import { nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import { validateLimits } from './limitranges.validate.ts';
import { amounts } from './resourcenames.ts';
import { ALL_VERBS } from './workload.ts';

export interface LimitRange extends KubeObject {
  spec?: { limits?: LimitRangeItem[] | null };
}

const itemSchema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.LimitRangeItem`,
  description: 'Bounds for one kind of thing.',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      empty: 'always',
      description:
        'What is bounded: `openshift.io/Image` (by `storage`), `openshift.io/ImageStream` (by `openshift.io/images` and `openshift.io/image-tags`), Pod, Container, PersistentVolumeClaim, or a qualified name of somebody else.',
    },
    max: amounts('The most that one may have, by the name of what it has.'),
    min: amounts('The least that one must have, by the name of what it has.'),
    default: amounts('The limit of a container that names none; without it, the maximum.'),
    defaultRequest: amounts(
      'The request of a container that names none; without it, the default limit or the minimum.',
    ),
    maxLimitRequestRatio: amounts('How many times its request a limit may be at most.'),
  },
};

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.LimitRange`,
  description: 'Bounds for each single thing in a namespace: an image, an image stream, a container.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The LimitRange's name, labels and annotations." },
    spec: {
      type: 'object',
      component: `${CORE_V1}.LimitRangeSpec`,
      description: 'The bounds. Where several LimitRanges bound the same, the strictest holds.',
      required: ['limits'],
      properties: {
        limits: {
          type: 'array',
          listType: 'atomic',
          empty: 'always',
          items: itemSchema,
          description: 'One entry a kind of thing.',
        },
      },
    },
  },
};

/** Containers without a default limit get the maximum, without a default request the default limit or the minimum. */
function fillDefaults({ spec }: LimitRange): void {
  for (const item of spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
}

export const limitRanges: Resource<LimitRange> = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  singular: 'limitrange',
  shortNames: ['limits'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [nameColumn, { name: 'Created At', type: 'date', description: 'When the LimitRange was made.' }],
    cells: (range) => [nameOf(range), range.metadata.creationTimestamp ?? ''],
  },
  kept: {
    prefix: LIMIT_RANGE_PREFIX,
    unconditionalUpdate: true,
    generation: false,
    prepareCreate: (_ctx, range) => fillDefaults(range),
    prepareUpdate: (_ctx, range) => fillDefaults(range),
    validateName: dnsSubdomain,
    validate: (_ctx, { spec }) => validateLimits(spec?.limits ?? []),
    async alongside(ctx, range, old) {
      if (range && old && isDeepStrictEqual(range.spec, old.spec)) return [];
      const { namespace = '', name = '' } = (range ?? old)?.metadata ?? {};
      return [await markChange(ctx, namespace, keyOf(limitRanges, namespace, name), range === undefined)];
    },
  },
};
