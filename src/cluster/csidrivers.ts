/** The resource `csidrivers`, kept for whoever provides storage. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface CSIDriver extends KubeObject {
  spec?: {
    attachRequired?: boolean;
    podInfoOnMount?: boolean;
    storageCapacity?: boolean;
    volumeLifecycleModes?: string[];
  };
}

export const csiDrivers: Resource<CSIDriver> = workload({
  group: 'storage.k8s.io',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  namespaced: false,
  description: 'A program that provides storage, and what it needs.',
  generation: true,
  status: false,
  table: {
    columns: [
      nameColumn,
      { name: 'AttachRequired', type: 'boolean', description: 'Whether volumes are attached to nodes first.' },
      { name: 'PodInfoOnMount', type: 'boolean', description: 'Whether it is told of the pod.' },
      { name: 'StorageCapacity', type: 'boolean', description: 'Whether it says how much there is.' },
      { name: 'Modes', type: 'string', description: 'How long its volumes live.' },
      ageColumn,
    ],
    cells: (driver, now) => [
      nameOf(driver),
      driver.spec?.attachRequired ?? true,
      driver.spec?.podInfoOnMount ?? false,
      driver.spec?.storageCapacity ?? false,
      (driver.spec?.volumeLifecycleModes ?? []).join(',') || '<unset>',
      ageOf(driver, now),
    ],
  },
  prepare({ spec }) {
    if (spec && !spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  },
});
