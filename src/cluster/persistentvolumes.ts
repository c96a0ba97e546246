/** The resource `persistentvolumes`, kept for whoever provides storage. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface PersistentVolume extends KubeObject {
  spec?: {
    capacity?: Record<string, string>;
    accessModes?: string[];
    claimRef?: { namespace?: string; name?: string };
    persistentVolumeReclaimPolicy?: string;
    storageClassName?: string;
  };
  status?: { phase?: string; reason?: string };
}

export const persistentVolumes: Resource<PersistentVolume> = workload({
  group: '',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  description: 'Storage of the cluster, which a claim may get.',
  generation: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Capacity', type: 'string', description: 'How much it holds.' },
      { name: 'Access Modes', type: 'string', description: 'Who may use it at the same time.' },
      { name: 'Reclaim Policy', type: 'string', description: 'What becomes of it when its claim is gone.' },
      { name: 'Status', type: 'string', description: 'Whether a claim has it.' },
      { name: 'Claim', type: 'string', description: 'The claim that has it.' },
      { name: 'StorageClass', type: 'string', description: 'The class that it is of.' },
      { name: 'Reason', type: 'string', description: 'Why it is as it is.' },
      ageColumn,
    ],
    cells: (volume, now) => [
      nameOf(volume),
      volume.spec?.capacity?.storage ?? '',
      (volume.spec?.accessModes ?? []).join(','),
      volume.spec?.persistentVolumeReclaimPolicy ?? '',
      volume.metadata.deletionTimestamp ? 'Terminating' : (volume.status?.phase ?? ''),
      volume.spec?.claimRef ? `${volume.spec.claimRef.namespace ?? ''}/${volume.spec.claimRef.name ?? ''}` : '',
      volume.spec?.storageClassName ?? '',
      volume.status?.reason ?? '',
      ageOf(volume, now),
    ],
  },
  prepare(volume) {
    volume.status = { phase: 'Pending' };
  },
  validate: ({ spec }) => [
    ...(spec?.accessModes?.length ? [] : [required('spec.accessModes')]),
    ...(spec?.capacity?.storage ? [] : [required('spec.capacity')]),
  ],
});
