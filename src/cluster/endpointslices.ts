/** The resource `endpointslices`, kept for whoever makes networks of them. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

/** How many addresses and ports a table shows. */
const SHOWN = 3;

export interface EndpointSlice extends KubeObject {
  addressType?: string;
  endpoints?: { addresses?: string[] }[];
  ports?: { name?: string; port?: number }[];
}

export const endpointSlices: Resource<EndpointSlice> = workload({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  description: 'Some of the addresses behind a service.',
  generation: true,
  status: false,
  fixed: ['addressType'],
  table: {
    columns: [
      nameColumn,
      { name: 'AddressType', type: 'string', description: 'What the addresses are: IPv4, IPv6 or FQDN.' },
      { name: 'Ports', type: 'string', description: 'The ports of each address.' },
      { name: 'Endpoints', type: 'string', description: 'The addresses.' },
      ageColumn,
    ],
    cells: (slice, now) => [
      nameOf(slice),
      slice.addressType ?? '',
      firstOf((slice.ports ?? []).map(({ name, port }) => String(port ?? name ?? '*'))),
      firstOf((slice.endpoints ?? []).flatMap(({ addresses = [] }) => addresses)),
      ageOf(slice, now),
    ],
  },
  validate: ({ addressType = '', endpoints = [] }) => [
    ...(addressType === '' ? [required('addressType')] : []),
    ...endpoints.flatMap(({ addresses = [] }, index) =>
      addresses.length > 0 ? [] : [required(`endpoints[${index}].addresses`, 'must contain at least 1 address')],
    ),
  ],
});

function firstOf(all: readonly string[]): string {
  const more = all.length - SHOWN;
  return (all.slice(0, SHOWN).join(',') || '<unset>') + (more > 0 ? ` + ${more} more...` : '');
}
