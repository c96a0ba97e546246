/**
 * The resource `customresourcedefinitions`: there are none. kubectl looks for them before it creates an object of a kind
 * that takes no patches, and refuses to go on if it cannot.
 */
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { nameColumn } from './age.ts';

export const customResourceDefinitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: ['get', 'list', 'watch'],
  schema: {
    type: 'object',
    component: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    description: 'A kind that was added to a cluster. This server has only the kinds that it is built with.',
    required: ['spec'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The definition's name, labels and annotations." },
      spec: { type: 'any', description: 'What the kind is called, and its schemas.' },
      status: { type: 'any', description: 'Whether it is served.' },
    },
  },
  table: {
    columns: [nameColumn, { name: 'Created At', type: 'date', description: 'When the definition was made.' }],
    cells: (definition) => [nameOf(definition), definition.metadata.creationTimestamp ?? null],
  },
  kept: {
    prefix: '/customresourcedefinitions/',
    unconditionalUpdate: false,
    generation: true,
    validateName: dnsSubdomain,
    validate: () => [],
  },
};
