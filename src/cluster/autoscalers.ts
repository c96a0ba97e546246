/** The resource `horizontalpodautoscalers`, kept for whoever scales by them. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface HorizontalPodAutoscaler extends KubeObject {
  spec?: {
    scaleTargetRef?: { kind?: string; name?: string };
    minReplicas?: number;
    maxReplicas?: number;
    metrics?: { type?: string }[];
  };
  status?: { currentReplicas?: number };
}

export const horizontalPodAutoscalers: Resource<HorizontalPodAutoscaler> = workload({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  description: 'How many pods a workload shall have, by what is measured.',
  generation: false,
  table: {
    columns: [
      nameColumn,
      { name: 'Reference', type: 'string', description: 'What is scaled.' },
      { name: 'Targets', type: 'string', description: 'What is measured, and nobody measures here.' },
      { name: 'MinPods', type: 'string', description: 'The fewest pods.' },
      { name: 'MaxPods', type: 'string', description: 'The most pods.' },
      { name: 'Replicas', type: 'string', description: 'How many pods there are.' },
      ageColumn,
    ],
    cells: (autoscaler, now) => [
      nameOf(autoscaler),
      `${autoscaler.spec?.scaleTargetRef?.kind ?? ''}/${autoscaler.spec?.scaleTargetRef?.name ?? ''}`,
      (autoscaler.spec?.metrics ?? []).map(({ type = '' }) => `${type.toLowerCase()}: <unknown>`).join(', ') ||
        '<none>',
      String(autoscaler.spec?.minReplicas ?? '<unset>'),
      String(autoscaler.spec?.maxReplicas ?? 0),
      String(autoscaler.status?.currentReplicas ?? 0),
      ageOf(autoscaler, now),
    ],
  },
  validate: ({ spec }) => [
    ...(spec?.scaleTargetRef?.kind ? [] : [required('spec.scaleTargetRef.kind')]),
    ...(spec?.scaleTargetRef?.name ? [] : [required('spec.scaleTargetRef.name')]),
    ...(spec?.maxReplicas ? [] : [required('spec.maxReplicas')]),
  ],
});
