/** The resource `storageclasses`, kept for whoever provides storage. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface StorageClass extends KubeObject {
  provisioner?: string;
  parameters?: Record<string, string>;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
  allowVolumeExpansion?: boolean;
}

export const storageClasses: Resource<StorageClass> = workload({
  group: 'storage.k8s.io',
  kind: 'StorageClass',
  resource: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  description: 'Where the storage of claims that name it comes from.',
  generation: false,
  status: false,
  fixed: ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'],
  table: {
    columns: [
      nameColumn,
      { name: 'Provisioner', type: 'string', description: 'Who provides it.' },
      { name: 'ReclaimPolicy', type: 'string', description: 'What becomes of it when its claim is gone.' },
      { name: 'VolumeBindingMode', type: 'string', description: 'When it is provided.' },
      { name: 'AllowVolumeExpansion', type: 'boolean', description: 'Whether it may grow.' },
      ageColumn,
    ],
    cells: (one, now) => [
      nameOf(one),
      one.provisioner ?? '',
      one.reclaimPolicy ?? '',
      one.volumeBindingMode ?? '',
      one.allowVolumeExpansion ?? false,
      ageOf(one, now),
    ],
  },
  validate: ({ provisioner }) => (provisioner ? [] : [required('provisioner')]),
});
