/** The resource `nodes`: there are none, which is what clients that look for them shall see. */
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';

export const nodes: Resource = {
  group: '',
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  namespaced: false,
  verbs: ['get', 'list', 'watch'],
  schema: {
    type: 'object',
    component: `${CORE_V1}.Node`,
    description: 'A machine that runs pods. This server has none.',
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: "The node's name, labels and annotations." },
      spec: { type: 'any', description: 'What the node shall do.' },
      status: { type: 'any', description: 'What the node is.' },
    },
  },
  table: { columns: [nameColumn, ageColumn], cells: (node, now) => [nameOf(node), ageOf(node, now)] },
  // Tests and drains look for nodes that take pods.
  fields: { 'spec.unschedulable': () => 'false' },
  kept: {
    prefix: '/nodes/',
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: () => [],
  },
};
