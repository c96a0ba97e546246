/** The resource `csinodes`, kept for whoever provides storage. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface CSINode extends KubeObject {
  spec?: { drivers?: object[] };
}

export const csiNodes: Resource<CSINode> = workload({
  group: 'storage.k8s.io',
  kind: 'CSINode',
  resource: 'csinodes',
  namespaced: false,
  description: 'Which programs provide storage on a node.',
  generation: false,
  status: false,
  table: {
    columns: [nameColumn, { name: 'Drivers', type: 'integer', description: 'How many they are.' }, ageColumn],
    cells: (node, now) => [nameOf(node), node.spec?.drivers?.length ?? 0, ageOf(node, now)],
  },
});
