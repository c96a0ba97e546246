/**
 * Schemas of Kubernetes' own kinds, made of the tables of their protobuf messages: objects of these kinds are kept as they
 * are given. What the tables do not tell (how lists merge, what is a whole) stands in `merging.ts`.
 */
import { field } from '../component.ts';
import { labelSelector } from '../labelselector.ts';
import { META_V1, objectMeta } from '../metaschema.ts';
import { localObjectReferenceSchema, objectReferenceSchema } from '../objectreference.ts';
import type { ArraySchema, ObjectSchema, Property, ScalarSchema, Schema } from '../schema.ts';
import { describe } from './descriptions.ts';
import { ATOMIC_MAPS, ATOMIC_MESSAGES, DEFAULTS, LISTS } from './merging.ts';
import { type Field, messageNamed, type PlainType } from './messages.ts';

/** Messages that have schemas of their own already. */
const KNOWN: Readonly<Record<string, ObjectSchema>> = {
  LabelSelector: labelSelector,
  LocalObjectReference: localObjectReferenceSchema,
  ObjectMeta: objectMeta,
  ObjectReference: objectReferenceSchema,
};

/** The packages of messages that are not of the core group, by how their names begin. */
const PACKAGES: readonly (readonly [RegExp, string])[] = [
  [/^Condition$/, META_V1],
  [/^(?:ControllerRevision|DaemonSet|Deployment|ReplicaSet|RollingUpdate|StatefulSet)/, 'io.k8s.api.apps.v1'],
  [/^(?:CronJob|Job|PodFailurePolicy|SuccessPolicy|UncountedTerminatedPods)/, 'io.k8s.api.batch.v1'],
  [/^(?:Endpoint(?:Slice|Conditions|Hints)?$|For(?:Node|Zone)$|discovery\/)/, 'io.k8s.api.discovery.v1'],
  [/^(?:Overhead|RuntimeClass|Scheduling)$/, 'io.k8s.api.node.v1'],
  [/^PriorityClass/, 'io.k8s.api.scheduling.v1'],
  [
    /^(?:CSIDriver|CSINode|CSIStorageCapacity|StorageClass|StorageHealth|VolumeAttachment|VolumeError$|VolumeNodeResources$|storage\/)/,
    'io.k8s.api.storage.v1',
  ],
  [/^(?:HTTPIngress|Ingress|ServiceBackendPort)/, 'io.k8s.api.networking.v1'],
  [/^Lease/, 'io.k8s.api.coordination.v1'],
  [/^Scale(?:Spec|Status)?$/, 'io.k8s.api.autoscaling.v1'],
  [/^ReportedEvent/, 'io.k8s.api.events.v1'],
  [/^(?:IPBlock|NetworkPolicy)/, 'io.k8s.api.networking.v1'],
  [/^PodDisruptionBudget/, 'io.k8s.api.policy.v1'],
  [/^(?:CrossVersion|HPAScaling|HorizontalPod|(?:\w+)?Metric)/, 'io.k8s.api.autoscaling.v2'],
  [/^apps\//, 'com.github.openshift.api.apps.v1'],
  [/^build\//, 'com.github.openshift.api.build.v1'],
  [/^route\//, 'com.github.openshift.api.route.v1'],
];

const schemas = new Map<string, ObjectSchema>();

/** The schema of a message, and by it of all that it holds. Each is made once. */
export function schemaOfMessage(name: string): ObjectSchema {
  const known = KNOWN[name] ?? schemas.get(name);
  if (known) return known;
  const properties: Record<string, Property> = {};
  const description = describe(name);
  const schema: ObjectSchema = {
    type: 'object',
    component: componentOf(name),
    ...(description !== undefined && { description }),
    properties,
    ...(ATOMIC_MESSAGES.has(name) && { mapType: 'atomic' as const }),
  };
  // In place before it is filled, should a message ever hold itself.
  schemas.set(name, schema);
  for (const one of messageNamed(name).values()) {
    if (one.member === '' && typeof one.type === 'object') {
      Object.assign(properties, schemaOfMessage(one.type.message).properties);
    } else properties[one.member] = propertyOf(name, one);
  }
  return schema;
}

/** What a message is called in OpenAPI. */
export function componentOf(name: string): string {
  const home = PACKAGES.find(([pattern]) => pattern.test(name))?.[1] ?? 'io.k8s.api.core.v1';
  return `${home}.${name.replace(/^Reported|^.*\//, '')}`;
}

function propertyOf(message: string, of: Field): Property {
  const description = describe(message, of.member);
  const property = shapeOf(message, of);
  if (description === undefined) return property;
  return property.type === 'object' ? field(property, description, property.empty) : { ...property, description };
}

function shapeOf(message: string, { member, type, holds }: Field): Property {
  const path = `${message}.${member}`;
  const one = schemaOf(type);
  switch (holds) {
    case 'list':
      return listOf(path, one);
    case 'map':
      return { type: 'map', values: one, ...(ATOMIC_MAPS.has(path) && { mapType: 'atomic' as const }) };
    case 'one':
      return single(path, one);
  }
}

/** What is not given is not printed. */
function single(path: string, schema: Schema): Property {
  const value = DEFAULTS[path];
  const patch = path === 'DeploymentSpec.strategy' ? { patchStrategy: 'retainKeys' as const } : {};
  if (schema.type === 'object') return { ...schema, ...patch, empty: 'pointer' };
  if (schema.type === 'map' || schema.type === 'array' || schema.type === 'any') return { ...schema, empty: 'pointer' };
  return { ...schema, ...(value !== undefined && { default: value }), empty: 'pointer' };
}

function listOf(path: string, items: Schema): Property {
  const merge = LISTS[path];
  const atomic: ArraySchema = { type: 'array', items, listType: 'atomic' };
  if (!merge) return atomic;
  const [strategy = '', by = '', ...more] = merge.split(' ');
  const merging: ArraySchema = {
    type: 'array',
    items,
    patchStrategy: strategy === 'retain' ? 'merge,retainKeys' : 'merge',
    patchMergeKey: by,
  };
  if (more[0] === 'atomic') return { ...merging, listType: 'atomic' };
  return { ...merging, listType: 'map', listMapKeys: [by, ...more] };
}

function schemaOf(type: Field['type']): Schema {
  return typeof type === 'object' ? schemaOfMessage(type.message) : PLAIN_SCHEMAS[type];
}

const text = (format?: string): ScalarSchema => ({ type: 'string', ...(format !== undefined && { format }) });

const PLAIN_SCHEMAS: Readonly<Record<PlainType, Schema>> = {
  string: text(),
  int: { type: 'integer', format: 'int64' },
  bool: { type: 'boolean' },
  double: { type: 'number', format: 'double' },
  bytes: text('byte'),
  time: text('date-time'),
  microtime: text('micro-time'),
  quantity: text('quantity'),
  intorstring: text('int-or-string'),
  json: { type: 'any' },
  strings: { type: 'array', items: text(), listType: 'atomic' },
};
