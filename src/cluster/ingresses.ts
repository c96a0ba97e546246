/** The resource `ingresses`, kept for whoever routes by them. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface Ingress extends KubeObject {
  spec?: { ingressClassName?: string; rules?: { host?: string }[]; tls?: object[] };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export const ingresses: Resource<Ingress> = workload({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  resource: 'ingresses',
  shortNames: ['ing'],
  description: 'Which requests from outside go to which services.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Class', type: 'string', description: 'Who routes by it.' },
      { name: 'Hosts', type: 'string', description: 'The hosts that it is for.' },
      { name: 'Address', type: 'string', description: 'Where it is reached.' },
      { name: 'Ports', type: 'string', description: 'The ports that it is for.' },
      ageColumn,
    ],
    cells: (ingress, now) => [
      nameOf(ingress),
      ingress.spec?.ingressClassName ?? '<none>',
      (ingress.spec?.rules ?? []).map(({ host }) => host || '*').join(',') || '*',
      (ingress.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || (hostname ?? '')).join(','),
      ingress.spec?.tls?.length ? '80, 443' : '80',
      ageOf(ingress, now),
    ],
  },
});
