/** The resource `statefulsets`. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { scaleOf } from './scale.ts';
import { containerCells, containerColumns, type WorkloadSpec, workload, workloadErrors } from './workload.ts';

export interface StatefulSet extends KubeObject {
  spec?: WorkloadSpec & { serviceName?: string };
  status?: { replicas?: number; readyReplicas?: number };
}

export const statefulSets: Resource<StatefulSet> = workload({
  group: 'apps',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  description: 'Pods that each have a name and storage of their own, which outlive them.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Ready', type: 'string', description: 'Pods that are ready, of those that shall be.' },
      ageColumn,
      ...containerColumns,
    ],
    cells: (set, now) => [
      nameOf(set),
      `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 0}`,
      ageOf(set, now),
      ...containerCells(set.spec?.template),
    ],
  },
  validate: ({ spec }, old) => workloadErrors(spec, old?.spec),
  subresources: [scaleOf('statefulsets', () => statefulSets)],
});
