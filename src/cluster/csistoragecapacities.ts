/** The resource `csistoragecapacities`, kept for whoever provides storage. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface CSIStorageCapacity extends KubeObject {
  storageClassName?: string;
  capacity?: string;
  nodeTopology?: object;
}

export const csiStorageCapacities: Resource<CSIStorageCapacity> = workload({
  group: 'storage.k8s.io',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  description: 'How much storage of a class there is in some place.',
  generation: false,
  status: false,
  fixed: ['storageClassName', 'nodeTopology'],
  table: {
    columns: [
      nameColumn,
      { name: 'StorageClassName', type: 'string', description: 'The class of storage.' },
      { name: 'Capacity', type: 'string', description: 'How much there is.' },
    ],
    cells: (one) => [nameOf(one), one.storageClassName ?? '', one.capacity ?? ''],
  },
  validate: ({ storageClassName }) => (storageClassName ? [] : [required('storageClassName')]),
});
