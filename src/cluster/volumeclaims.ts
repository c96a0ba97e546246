/** The resource `persistentvolumeclaims`, kept for whoever provides the storage. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface PersistentVolumeClaim extends KubeObject {
  spec?: { volumeName?: string; storageClassName?: string; accessModes?: string[] };
  status?: { phase?: string; capacity?: Record<string, string> };
}

export const persistentVolumeClaims: Resource<PersistentVolumeClaim> = workload({
  group: '',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  description: 'Storage that is asked for.',
  generation: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Status', type: 'string', description: 'Whether there is storage for it.' },
      { name: 'Volume', type: 'string', description: 'The volume that it got.' },
      { name: 'Capacity', type: 'string', description: 'How much that holds.' },
      { name: 'Access Modes', type: 'string', description: 'Who may use it at the same time.' },
      { name: 'StorageClass', type: 'string', description: 'The kind of storage.' },
      ageColumn,
    ],
    cells: (claim, now) => [
      nameOf(claim),
      claim.status?.phase ?? '',
      claim.spec?.volumeName ?? '',
      claim.status?.capacity?.storage ?? '',
      (claim.spec?.accessModes ?? []).join(','),
      claim.spec?.storageClassName ?? '',
      ageOf(claim, now),
    ],
  },
  prepare(claim) {
    claim.status = { phase: 'Pending' };
  },
});
