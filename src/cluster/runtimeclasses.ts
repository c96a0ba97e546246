/** The resource `runtimeclasses`, kept for whoever runs pods. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface RuntimeClass extends KubeObject {
  handler?: string;
}

export const runtimeClasses: Resource<RuntimeClass> = workload({
  group: 'node.k8s.io',
  kind: 'RuntimeClass',
  resource: 'runtimeclasses',
  namespaced: false,
  description: 'With what the pods that name it are run.',
  generation: false,
  status: false,
  fixed: ['handler'],
  table: {
    columns: [
      nameColumn,
      { name: 'Handler', type: 'string', description: 'The name of the runtime on the nodes.' },
      ageColumn,
    ],
    cells: (one, now) => [nameOf(one), one.handler ?? '', ageOf(one, now)],
  },
  validate: ({ handler }) => (handler ? [] : [required('handler')]),
});
