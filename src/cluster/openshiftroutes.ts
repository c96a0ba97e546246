/** The resource `routes` of OpenShift, kept for whoever routes by them. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { nameColumn } from './age.ts';
import { workload } from './workload.ts';

interface Target {
  name?: string;
}

export interface Route extends KubeObject {
  spec?: {
    host?: string;
    path?: string;
    to?: Target;
    alternateBackends?: Target[];
    port?: { targetPort?: string | number };
    tls?: { termination?: string };
    wildcardPolicy?: string;
  };
}

export const openshiftRoutes: Resource<Route> = workload({
  group: 'route.openshift.io',
  kind: 'Route',
  message: 'route/Route',
  resource: 'routes',
  categories: ['all'],
  description: 'A host by which a service is reached from outside.',
  generation: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Host/Port', type: 'string', description: 'The host that it is for.' },
      { name: 'Path', type: 'string', description: 'The path that it is for.' },
      { name: 'Services', type: 'string', description: 'Where it leads.' },
      { name: 'Port', type: 'string', description: 'The port there.' },
      { name: 'Termination', type: 'string', description: 'Where TLS ends.' },
      { name: 'Wildcard', type: 'string', description: 'Whether it is for all subdomains.' },
    ],
    cells: (route) => [
      nameOf(route),
      route.spec?.host ?? '',
      route.spec?.path ?? '',
      [route.spec?.to, ...(route.spec?.alternateBackends ?? [])].map((target) => target?.name ?? '').join(','),
      String(route.spec?.port?.targetPort ?? '<all>'),
      route.spec?.tls?.termination ?? '',
      route.spec?.wildcardPolicy ?? 'None',
    ],
  },
  fields: {
    'spec.host': ({ spec }) => spec?.host ?? '',
    'spec.path': ({ spec }) => spec?.path ?? '',
    'spec.to.name': ({ spec }) => spec?.to?.name ?? '',
  },
  validate: ({ spec }) => (spec?.to?.name ? [] : [required('spec.to.name')]),
});
