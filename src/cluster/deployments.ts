/** The resource `deployments`. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { scaleOf } from './scale.ts';
import {
  containerCells,
  containerColumns,
  labelsText,
  selectorColumn,
  type WorkloadSpec,
  workload,
  workloadErrors,
} from './workload.ts';

export interface Deployment extends KubeObject {
  spec?: WorkloadSpec;
  status?: { replicas?: number; readyReplicas?: number; updatedReplicas?: number; availableReplicas?: number };
}

export const deployments: Resource<Deployment> = workload({
  group: 'apps',
  kind: 'Deployment',
  resource: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  description: 'Pods that are alike and are replaced step by step when their template changes.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Ready', type: 'string', description: 'Pods that are ready, of those that shall be.' },
      { name: 'Up-to-date', type: 'string', description: 'Pods that follow the template as it is.' },
      { name: 'Available', type: 'string', description: 'Pods that have been ready for long enough.' },
      ageColumn,
      ...containerColumns,
      selectorColumn,
    ],
    cells: (deployment, now) => [
      nameOf(deployment),
      `${deployment.status?.readyReplicas ?? 0}/${deployment.spec?.replicas ?? 0}`,
      String(deployment.status?.updatedReplicas ?? 0),
      String(deployment.status?.availableReplicas ?? 0),
      ageOf(deployment, now),
      ...containerCells(deployment.spec?.template),
      labelsText(deployment.spec?.selector?.matchLabels),
    ],
  },
  validate: ({ spec }, old) => workloadErrors(spec, old?.spec),
  subresources: [scaleOf('deployments', () => deployments)],
});
