/** Schemas of what all kinds share: type and object metadata, list metadata, Status. Names and order are Kubernetes'. */
import type { ObjectSchema, Property } from './schema.ts';

/** Where components of Kubernetes' meta/v1 live in OpenAPI. */
export const META_V1 = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** `kind` and `apiVersion`, to be spread first into each kind's properties. */
export const typeMeta = {
  kind: {
    type: 'string',
    description: 'Names the kind of this object, in CamelCase. The path of a request implies it.',
  },
  apiVersion: {
    type: 'string',
    description:
      'Group and version of the schema that this object follows, as in `group/version`; only the version for the core group.',
  },
} as const satisfies Record<string, Property>;

const ownerReference: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.OwnerReference`,
  mapType: 'atomic',
  description: 'Names an object on which this one depends: it is deleted when its last owner is.',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: { type: 'string', empty: 'always', description: "The owner's apiVersion." },
    kind: { type: 'string', empty: 'always', description: "The owner's kind." },
    name: { type: 'string', empty: 'always', description: "The owner's name." },
    uid: { type: 'string', empty: 'always', description: "The owner's uid." },
    controller: { type: 'boolean', empty: 'pointer', description: 'Whether the owner manages this object.' },
    blockOwnerDeletion: {
      type: 'boolean',
      empty: 'pointer',
      description: 'Whether the owner, when deleted in the foreground, waits until this object is gone.',
    },
  },
};

const managedFieldsEntry: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.ManagedFieldsEntry`,
  description: 'The fields that one manager has set in one way.',
  properties: {
    manager: { type: 'string', description: 'Who set the fields: the fieldManager of the request.' },
    operation: { type: 'string', description: 'How they were set: `Apply` or `Update`.' },
    apiVersion: { type: 'string', description: 'The version of the object in which the fields are named.' },
    time: { type: 'string', format: 'date-time', description: 'When the entry last changed.' },
    fieldsType: { type: 'string', description: 'The format of the fields; always `FieldsV1`.' },
    fieldsV1: { type: 'any', component: `${META_V1}.FieldsV1`, description: 'The fields, as a tree of their names.' },
    subresource: { type: 'string', description: 'The subresource through which the fields were set, if any.' },
  },
};

/** Kubernetes' ObjectMeta. `selfLink` is known, so that old manifests pass, but never kept. */
export const objectMeta: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.ObjectMeta`,
  description: 'What every stored object has: its name, its versions, its labels, who owns it.',
  properties: {
    name: { type: 'string', description: 'Unique among the objects of a kind (in a namespace). Cannot be changed.' },
    generateName: {
      type: 'string',
      description: 'The server makes a name out of this prefix and random characters, if no name is given.',
    },
    namespace: { type: 'string', description: 'The namespace that the object lives in. Cannot be changed.' },
    selfLink: { type: 'string', description: 'No longer used; ignored.' },
    uid: { type: 'string', description: 'Set by the server: tells this object from others that had its name before.' },
    resourceVersion: {
      type: 'string',
      description:
        'Set by the server: changes with every change. Sent back in an update, it keeps the update from overwriting what others changed meanwhile.',
    },
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Set by the server: counts changes of the desired state.',
    },
    creationTimestamp: {
      type: 'string',
      format: 'date-time',
      description: 'Set by the server: when the object was made.',
    },
    deletionTimestamp: {
      type: 'string',
      format: 'date-time',
      description: 'Set by the server when deletion is asked for: the object goes away once its finalizers are gone.',
    },
    deletionGracePeriodSeconds: {
      type: 'integer',
      format: 'int64',
      empty: 'pointer',
      description: 'Set by the server together with deletionTimestamp: seconds that the object has to end well.',
    },
    labels: {
      type: 'map',
      values: { type: 'string' },
      description: 'Keys and values by which objects are grouped and selected.',
    },
    annotations: {
      type: 'map',
      values: { type: 'string' },
      description: 'Keys and values for tools and people; not for selection. At most 256 KiB together.',
    },
    ownerReferences: {
      type: 'array',
      items: ownerReference,
      patchStrategy: 'merge',
      patchMergeKey: 'uid',
      listType: 'map',
      listMapKeys: ['uid'],
      description: 'The objects on which this one depends; at most one of them is its controller.',
    },
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      patchStrategy: 'merge',
      listType: 'set',
      description: 'Who has to clean up before the object may go away; each removes its own entry.',
    },
    managedFields: {
      type: 'array',
      items: managedFieldsEntry,
      listType: 'atomic',
      description: 'Kept by the server: which manager set which fields. May be emptied, not written.',
    },
  },
};

/** Kubernetes' ListMeta. */
const listMeta: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.ListMeta`,
  description: 'What a list tells about itself.',
  properties: {
    selfLink: { type: 'string', description: 'No longer used.' },
    resourceVersion: {
      type: 'string',
      description: 'The version at which the list was read; a watch can start from it.',
    },
    continue: { type: 'string', description: 'Set if more objects follow: the token that asks for the next page.' },
    remainingItemCount: {
      type: 'integer',
      format: 'int64',
      empty: 'pointer',
      description: 'How many objects follow this page, if that is known.',
    },
  },
};

const statusCause: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.StatusCause`,
  description: 'One of the reasons of a failure.',
  properties: {
    reason: { type: 'string', description: 'A word for programs, such as `FieldValueInvalid`.' },
    message: { type: 'string', description: 'The same for people.' },
    field: { type: 'string', description: 'The field that caused it, such as `spec.tags[0].name`.' },
  },
};

const statusDetails: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.StatusDetails`,
  description: 'What the answer is about.',
  properties: {
    name: { type: 'string', description: 'Name of the object.' },
    group: { type: 'string', description: 'API group of the object.' },
    kind: { type: 'string', description: 'Kind or plural of the object.' },
    uid: { type: 'string', description: 'Uid of the object.' },
    causes: { type: 'array', items: statusCause, listType: 'atomic', description: 'All the reasons of a failure.' },
    retryAfterSeconds: { type: 'integer', format: 'int32', description: 'Seconds to wait before the next try.' },
  },
};

/** Kubernetes' Status: the answer to a failure, and to some requests that have no object to answer with. */
export const status: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.Status`,
  description: 'How a request ended, where there is no object to answer with.',
  properties: {
    ...typeMeta,
    metadata: { ...listMeta, empty: 'struct' },
    status: { type: 'string', description: '`Success` or `Failure`.' },
    message: { type: 'string', description: 'What happened, for people.' },
    reason: { type: 'string', description: 'Why, as a word for programs, such as `NotFound`.' },
    details: { ...statusDetails, empty: 'pointer', listType: 'atomic' },
    code: { type: 'integer', format: 'int32', description: 'The HTTP status code.' },
  },
};

/** Kubernetes' DeleteOptions: the body of a DELETE. */
export const deleteOptions: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.DeleteOptions`,
  description: 'How to delete.',
  properties: {
    ...typeMeta,
    gracePeriodSeconds: {
      type: 'integer',
      format: 'int64',
      empty: 'pointer',
      description: 'Seconds that the object has to end well; 0 is at once. Not negative.',
    },
    preconditions: {
      type: 'object',
      empty: 'pointer',
      component: `${META_V1}.Preconditions`,
      description: 'What must be true of the object, or it is not deleted (409).',
      properties: {
        uid: { type: 'string', empty: 'pointer', description: 'The uid that it must have.' },
        resourceVersion: { type: 'string', empty: 'pointer', description: 'The resourceVersion that it must have.' },
      },
    },
    orphanDependents: {
      type: 'boolean',
      empty: 'pointer',
      description: 'The old form of propagationPolicy: true is `Orphan`. Not both.',
    },
    propagationPolicy: {
      type: 'string',
      empty: 'pointer',
      description: 'What happens to dependents: `Orphan`, `Background` or `Foreground`.',
    },
    dryRun: {
      type: 'array',
      items: { type: 'string' },
      listType: 'atomic',
      description: 'With `All`, everything is done but storing.',
    },
    ignoreStoreReadErrorWithClusterBreakingPotential: {
      type: 'boolean',
      empty: 'pointer',
      description: 'Known for the sake of clients; has no effect.',
    },
  },
};

/** The list of a kind. */
export function listSchema(kind: string, item: ObjectSchema): ObjectSchema {
  return {
    type: 'object',
    ...(item.component && { component: `${item.component}List` }),
    description: `A list of ${kind} objects.`,
    required: ['items'],
    properties: {
      ...typeMeta,
      metadata: { ...listMeta, description: 'What the list tells about itself.' },
      items: { type: 'array', items: item, empty: 'always', description: 'The objects.' },
    },
  };
}
