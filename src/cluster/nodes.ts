/** The resource `nodes`: there are none but those that somebody writes down. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

/** Labels that give a node its roles begin so. */
const ROLE = 'node-role.kubernetes.io/';

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean };
  status?: {
    conditions?: { type?: string; status?: string }[];
    addresses?: { type?: string; address?: string }[];
    nodeInfo?: { kubeletVersion?: string };
  };
}

export const nodes: Resource<Node> = workload({
  group: '',
  kind: 'Node',
  resource: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  description: 'A machine that runs pods. This server has none of its own.',
  generation: false,
  statusAtOnce: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Status', type: 'string', description: 'Whether it is ready, and takes pods.' },
      { name: 'Roles', type: 'string', description: 'What it is for, by its labels.' },
      ageColumn,
      { name: 'Version', type: 'string', description: 'The version of its kubelet.' },
      { name: 'Internal-IP', type: 'string', priority: 1, description: 'Its address in the cluster.' },
    ],
    cells: (node, now) => [
      nameOf(node),
      stateOf(node),
      rolesOf(node),
      ageOf(node, now),
      node.status?.nodeInfo?.kubeletVersion ?? '',
      node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '<none>',
    ],
  },
  // Tests and drains look for nodes that take pods.
  fields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
});

function stateOf({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec?.unschedulable ? `${state},SchedulingDisabled` : state;
}

function rolesOf({ metadata }: Node): string {
  const labels = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith(ROLE));
  const roles = labels.map((label) => label.slice(ROLE.length)).filter(Boolean);
  return roles.sort().join(',') || '<none>';
}
