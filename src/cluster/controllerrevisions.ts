/** The resource `controllerrevisions`: what daemon sets and stateful sets were before, kept for whoever runs them. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface ControllerRevision extends KubeObject {
  data?: unknown;
  revision?: number;
}

export const controllerRevisions: Resource<ControllerRevision> = workload({
  group: 'apps',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  description: 'What a workload was at one time, to go back to.',
  generation: false,
  status: false,
  fixed: ['data'],
  table: {
    columns: [
      nameColumn,
      { name: 'Controller', type: 'string', description: 'The workload that it is of.' },
      { name: 'Revision', type: 'string', description: 'Its number: the later, the higher.' },
      ageColumn,
    ],
    cells: (object, now) => [nameOf(object), controllerOf(object), String(object.revision ?? 0), ageOf(object, now)],
  },
});

/** `statefulset.apps/web`. */
function controllerOf({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (!owner) return '<none>';
  const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : '';
  return `${owner.kind.toLowerCase()}${group && `.${group}`}/${owner.name}`;
}
