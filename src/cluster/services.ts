/** The resources `services` and `endpoints`, kept for whoever makes networks of them. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { labelsText, selectorColumn, workload } from './workload.ts';

interface ServicePort {
  name?: string;
  port?: number;
  nodePort?: number;
  protocol?: string;
}

export interface Service extends KubeObject {
  spec?: {
    type?: string;
    clusterIP?: string;
    clusterIPs?: string[];
    externalIPs?: string[];
    externalName?: string;
    ports?: ServicePort[];
    selector?: Record<string, string>;
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export interface Endpoints extends KubeObject {
  subsets?: { addresses?: { ip?: string }[]; ports?: { port?: number }[] }[];
}

export const services: Resource<Service> = workload({
  group: '',
  kind: 'Service',
  resource: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  description: 'A name and an address for pods that do the same.',
  generation: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Type', type: 'string', description: 'How the service is reached.' },
      { name: 'Cluster-IP', type: 'string', description: 'Its address in the cluster.' },
      { name: 'External-IP', type: 'string', description: 'Its addresses outside.' },
      { name: 'Port(s)', type: 'string', description: 'Its ports.' },
      ageColumn,
      selectorColumn,
    ],
    cells: (service, now) => [
      nameOf(service),
      service.spec?.type ?? '',
      service.spec?.clusterIP || '<none>',
      outside(service),
      (service.spec?.ports ?? []).map(portText).join(',') || '<none>',
      ageOf(service, now),
      labelsText(service.spec?.selector),
    ],
  },
  fields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
});

function portText({ port = 0, nodePort, protocol = 'TCP' }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

function outside({ spec, status }: Service): string {
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || (hostname ?? ''));
  return [...balanced, ...(spec?.externalIPs ?? [])].join(',') || '<none>';
}

export const endpoints: Resource<Endpoints> = workload({
  group: '',
  kind: 'Endpoints',
  resource: 'endpoints',
  shortNames: ['ep'],
  description: 'The addresses behind a service.',
  generation: false,
  status: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Endpoints', type: 'string', description: 'The addresses with their ports.' },
      ageColumn,
    ],
    cells: (object, now) => [nameOf(object), addressesOf(object), ageOf(object, now)],
  },
});

/** The first three, and how many more there are. */
function addressesOf({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    addresses.flatMap(({ ip = '' }) => (ports.length === 0 ? [ip] : ports.map(({ port = 0 }) => `${ip}:${port}`))),
  );
  if (all.length === 0) return '<none>';
  const more = all.length - 3;
  return all.slice(0, 3).join(',') + (more > 0 ? ` + ${more} more...` : '');
}
