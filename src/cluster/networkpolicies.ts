/** The resource `networkpolicies`, kept for whoever enforces them. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { labelsText, workload } from './workload.ts';

export interface NetworkPolicy extends KubeObject {
  spec?: { podSelector?: { matchLabels?: Record<string, string> } };
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
});
