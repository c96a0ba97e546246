/** The resource `podtemplates`. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { containerCells, containerColumns, podErrors, type PodTemplate as Template, workload } from './workload.ts';

export interface PodTemplate extends KubeObject {
  template?: Template;
}

export const podTemplates: Resource<PodTemplate> = workload({
  group: '',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  description: 'What a pod is to be, for others to make.',
  generation: false,
  status: false,
  table: {
    columns: [nameColumn, ...containerColumns, ageColumn],
    cells: (object, now) => [nameOf(object), ...containerCells(object.template), ageOf(object, now)],
  },
  validate: ({ template }) => podErrors(template?.spec, 'template.spec'),
});
