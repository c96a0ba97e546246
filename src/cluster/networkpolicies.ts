/** The resource `networkpolicies`, kept for whoever enforces them. */
import { type FieldError, invalidValue } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { labelsText, workload } from './workload.ts';

interface PolicyPort {
  port?: number | string;
  endPort?: number;
}

interface PolicyRule {
  ports?: PolicyPort[];
}

export interface NetworkPolicy extends KubeObject {
  spec?: {
    podSelector?: { matchLabels?: Record<string, string> };
    ingress?: PolicyRule[];
    egress?: PolicyRule[];
  };
}

export const networkPolicies: Resource<NetworkPolicy> = workload({
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  shortNames: ['netpol'],
  description: 'Which pods may be reached, and may reach what.',
  generation: true,
  status: false,
  table: {
    columns: [nameColumn, { name: 'Pod-Selector', type: 'string', description: 'The pods that it is for.' }, ageColumn],
    cells: (policy, now) => [nameOf(policy), labelsText(policy.spec?.podSelector?.matchLabels), ageOf(policy, now)],
  },
  validate: ({ spec }) => [...rulesErrors(spec?.ingress, 'spec.ingress'), ...rulesErrors(spec?.egress, 'spec.egress')],
});

function rulesErrors(rules: readonly PolicyRule[] = [], field: string): FieldError[] {
  return rules.flatMap(({ ports = [] }, rule) =>
    ports.flatMap((port, index) => rangeErrors(port, `${field}[${rule}].ports[${index}].endPort`)),
  );
}

/** A range of ports begins with a number that is no higher than its end. */
function rangeErrors({ port, endPort }: PolicyPort, field: string): FieldError[] {
  if (endPort === undefined) return [];
  if (port === undefined) return [invalidValue(field, endPort, 'may not be specified when `port` is not specified')];
  if (typeof port === 'string')
    return [invalidValue(field, endPort, 'may not be specified when `port` is non-numeric')];
  return endPort < port ? [invalidValue(field, endPort, 'must be greater than or equal to `port`')] : [];
}
