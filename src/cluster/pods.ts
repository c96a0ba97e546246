/** The resource `pods`, kept for whoever runs them. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { type PodSpec, podErrors, workload } from './workload.ts';

export interface Pod extends KubeObject {
  spec?: PodSpec;
  status?: {
    phase?: string;
    reason?: string;
    podIP?: string;
    containerStatuses?: { ready?: boolean; restartCount?: number; state?: Record<string, { reason?: string }> }[];
  };
}

export const pods: Resource<Pod> = workload({
  group: '',
  kind: 'Pod',
  resource: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  description: 'Containers that run together.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Ready', type: 'string', description: 'Containers that are ready, of all.' },
      { name: 'Status', type: 'string', description: 'The phase, or why the pod is not running.' },
      { name: 'Restarts', type: 'string', description: 'How often its containers were started again.' },
      ageColumn,
      { name: 'IP', type: 'string', priority: 1, description: 'The address of the pod.' },
      { name: 'Node', type: 'string', priority: 1, description: 'The node that the pod is on.' },
    ],
    cells: (pod, now) => [
      nameOf(pod),
      `${statusesOf(pod).filter(({ ready }) => ready).length}/${pod.spec?.containers?.length ?? 0}`,
      podState(pod),
      String(statusesOf(pod).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0)),
      ageOf(pod, now),
      pod.status?.podIP || '<none>',
      pod.spec?.nodeName || '<none>',
    ],
  },
  fields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
  },
  prepare(pod) {
    pod.status = { phase: 'Pending' };
    if (pod.spec && !pod.spec.serviceAccountName) pod.spec.serviceAccountName = 'default';
  },
  pods: (pod) => pod,
  validate: ({ spec }) => podErrors(spec, 'spec'),
});

function statusesOf(pod: Pod): NonNullable<NonNullable<Pod['status']>['containerStatuses']> {
  return pod.status?.containerStatuses ?? [];
}

function podState(pod: Pod): string {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  for (const { state } of statusesOf(pod)) {
    const reason = state?.waiting?.reason ?? state?.terminated?.reason;
    if (reason) return reason;
  }
  return pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
}
