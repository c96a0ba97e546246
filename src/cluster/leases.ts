/** The resource `leases`: who leads, and until when; what elections of leaders are held with. */
import { type FieldError, invalidValue } from '../objects/errors.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { ALL_VERBS, kindSchema } from './workload.ts';

export interface Lease extends KubeObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; leaseTransitions?: number };
}

export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  singular: 'lease',
  namespaced: true,
  verbs: ALL_VERBS,
  schema: kindSchema('Lease', 'A claim that one of several holds for a time and renews.'),
  table: {
    columns: [nameColumn, { name: 'Holder', type: 'string', description: 'Who holds the lease.' }, ageColumn],
    cells: (lease, now) => [nameOf(lease), lease.spec?.holderIdentity ?? '', ageOf(lease, now)],
  },
  kept: {
    prefix: '/leases/',
    // Whoever renews must have seen what is there: two cannot both lead.
    unconditionalUpdate: false,
    createOnUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: (_ctx, { spec }) => leaseErrors(spec),
  },
};

function leaseErrors(spec: Lease['spec']): FieldError[] {
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec ?? {};
  const errors: FieldError[] = [];
  if (seconds !== undefined && seconds <= 0) {
    errors.push(invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  }
  if (transitions !== undefined && transitions < 0) {
    errors.push(invalidValue('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
  }
  return errors;
}
