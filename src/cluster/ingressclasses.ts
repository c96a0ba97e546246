/** The resource `ingressclasses`, kept for whoever routes by ingresses. */
import { fixedErrors, required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

interface Parameters {
  apiGroup?: string;
  kind?: string;
  name?: string;
  scope?: string;
}

export interface IngressClass extends KubeObject {
  spec?: { controller?: string; parameters?: Parameters };
}

export const ingressClasses: Resource<IngressClass> = workload({
  group: 'networking.k8s.io',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  namespaced: false,
  description: 'Who routes by the ingresses that name it.',
  generation: true,
  status: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Controller', type: 'string', description: 'The program that routes.' },
      { name: 'Parameters', type: 'string', description: 'The object with its settings.' },
      ageColumn,
    ],
    cells: (one, now) => [
      nameOf(one),
      one.spec?.controller ?? '',
      parametersText(one.spec?.parameters),
      ageOf(one, now),
    ],
  },
  validate: ({ spec }, old) => [
    ...fixedErrors('spec.controller', spec?.controller, old && { was: old.spec?.controller }),
    ...(spec?.controller ? [] : [required('spec.controller')]),
    ...(spec?.parameters && !spec.parameters.kind ? [required('spec.parameters.kind')] : []),
    ...(spec?.parameters && !spec.parameters.name ? [required('spec.parameters.name')] : []),
  ],
});

/** `IngressParameters.k8s.example.com/external`. */
function parametersText(parameters: Parameters | undefined): string {
  if (!parameters) return '<none>';
  const { apiGroup, kind = '', name = '' } = parameters;
  return `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${name}`;
}
