/** The resource `priorityclasses`, kept for whoever schedules pods. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface PriorityClass extends KubeObject {
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}

export const priorityClasses: Resource<PriorityClass> = workload({
  group: 'scheduling.k8s.io',
  kind: 'PriorityClass',
  resource: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  description: 'How much pods that name it matter beside others.',
  generation: true,
  status: false,
  fixed: ['value', 'preemptionPolicy'],
  table: {
    columns: [
      nameColumn,
      { name: 'Value', type: 'integer', description: 'The priority: the higher, the more it matters.' },
      { name: 'Global-Default', type: 'boolean', description: 'Whether it counts for pods that name none.' },
      ageColumn,
      { name: 'PreemptionPolicy', type: 'string', description: 'Whether pods of less priority may be ended for it.' },
    ],
    cells: (one, now) => [
      nameOf(one),
      one.value ?? 0,
      one.globalDefault ?? false,
      ageOf(one, now),
      one.preemptionPolicy ?? '',
    ],
  },
});
