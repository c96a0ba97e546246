/** The resource `daemonsets`. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import {
  containerCells,
  containerColumns,
  labelsText,
  type PodSpec,
  selectorColumn,
  type WorkloadSpec,
  workload,
  workloadErrors,
} from './workload.ts';

export interface DaemonSet extends KubeObject {
  spec?: WorkloadSpec;
  status?: {
    desiredNumberScheduled?: number;
    currentNumberScheduled?: number;
    numberReady?: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
  };
}

/** Which nodes the pods may be on. */
function nodesOf(spec: (PodSpec & { nodeSelector?: Record<string, string> }) | undefined): string {
  return labelsText(spec?.nodeSelector);
}

export const daemonSets: Resource<DaemonSet> = workload({
  group: 'apps',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  description: 'A pod on every node.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Desired', type: 'integer', description: 'How many nodes shall have a pod.' },
      { name: 'Current', type: 'integer', description: 'How many of them do.' },
      { name: 'Ready', type: 'integer', description: 'How many of these pods are ready.' },
      { name: 'Up-to-date', type: 'integer', description: 'How many follow the template as it is.' },
      { name: 'Available', type: 'integer', description: 'How many have been ready for long enough.' },
      { name: 'Node Selector', type: 'string', description: 'The labels of the nodes that are meant.' },
      ageColumn,
      ...containerColumns,
      selectorColumn,
    ],
    cells: (set, now) => [
      nameOf(set),
      set.status?.desiredNumberScheduled ?? 0,
      set.status?.currentNumberScheduled ?? 0,
      set.status?.numberReady ?? 0,
      set.status?.updatedNumberScheduled ?? 0,
      set.status?.numberAvailable ?? 0,
      nodesOf(set.spec?.template?.spec),
      ageOf(set, now),
      ...containerCells(set.spec?.template),
      labelsText(set.spec?.selector?.matchLabels),
    ],
  },
  validate: ({ spec }, old) => workloadErrors(spec, old?.spec),
});
