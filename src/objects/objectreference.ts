/** References to other objects, as Kubernetes' core group has them. */
import type { ObjectSchema } from './schema.ts';

/** Names an object anywhere. */
export const objectReferenceSchema: ObjectSchema = {
  type: 'object',
  component: 'io.k8s.api.core.v1.ObjectReference',
  mapType: 'atomic',
  description: 'Names another object. Which members count depends on the field that holds the reference.',
  properties: {
    kind: { type: 'string', description: 'Kind of the object that is meant.' },
    namespace: {
      type: 'string',
      description:
        'Namespace of the object that is meant; empty stands for the namespace of the object that refers to it.',
    },
    name: { type: 'string', description: 'Name of the object that is meant.' },
    uid: {
      type: 'string',
      description: 'UID of the object that is meant, to tell it from a later one of the same name.',
    },
    apiVersion: { type: 'string', description: 'API group and version of the object that is meant.' },
    resourceVersion: { type: 'string', description: 'The version of the object that was looked at, if one is meant.' },
    fieldPath: {
      type: 'string',
      description: 'The part of the object that is meant, such as spec.containers{web}; empty stands for the whole.',
    },
  },
};

/** Names an object of the same namespace and of a kind that is clear from where it stands. */
export const localObjectReferenceSchema: ObjectSchema = {
  type: 'object',
  component: 'io.k8s.api.core.v1.LocalObjectReference',
  description: 'Names something in the same namespace, of the kind that the field that holds it is about.',
  properties: { name: { type: 'string', description: 'Name of what is meant.' } },
};
