/** The resources `replicasets` and `replicationcontrollers`: so many pods that are alike. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource, TableColumn } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { scaleOf } from './scale.ts';
import {
  containerCells,
  containerColumns,
  labelsText,
  type PodTemplate,
  podErrors,
  selectorColumn,
  type WorkloadSpec,
  workload,
  workloadErrors,
} from './workload.ts';

interface ReplicaStatus {
  replicas?: number;
  readyReplicas?: number;
}

export interface ReplicaSet extends KubeObject {
  spec?: WorkloadSpec;
  status?: ReplicaStatus;
}

export interface ReplicationController extends KubeObject {
  spec?: { replicas?: number; selector?: Record<string, string>; template?: PodTemplate };
  status?: ReplicaStatus;
}

const columns: readonly TableColumn[] = [
  nameColumn,
  { name: 'Desired', type: 'integer', description: 'How many pods there shall be.' },
  { name: 'Current', type: 'integer', description: 'How many pods there are.' },
  { name: 'Ready', type: 'integer', description: 'How many of them are ready.' },
  ageColumn,
  ...containerColumns,
  selectorColumn,
];

function cells(
  object: ReplicaSet | ReplicationController,
  labels: Readonly<Record<string, string>> | undefined,
  now: Date,
): (string | number)[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(object, now),
    ...containerCells(spec?.template),
    labelsText(labels),
  ];
}

export const replicaSets: Resource<ReplicaSet> = workload({
  group: 'apps',
  kind: 'ReplicaSet',
  resource: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  description: 'So many pods that are alike.',
  generation: true,
  table: { columns, cells: (set, now) => cells(set, set.spec?.selector?.matchLabels, now) },
  pods: ({ spec }) => spec?.template,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  validate: ({ spec }, old) => workloadErrors(spec, old?.spec),
  subresources: [scaleOf('replicasets', () => replicaSets)],
});

export const replicationControllers: Resource<ReplicationController> = workload({
  group: '',
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  description: 'So many pods that are alike; the older form of ReplicaSet.',
  generation: true,
  table: { columns, cells: (controller, now) => cells(controller, controller.spec?.selector, now) },
  pods: ({ spec }) => spec?.template,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  prepare({ spec }) {
    // As Kubernetes: without a selector, the labels of its own pods are meant.
    if (spec && !spec.selector && spec.template?.metadata?.labels) spec.selector = spec.template.metadata.labels;
  },
  validate: ({ spec }) => podErrors(spec?.template?.spec, 'spec.template.spec'),
  subresources: [scaleOf('replicationcontrollers', () => replicationControllers)],
});
