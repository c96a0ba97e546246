/** The resource `volumeattachments`, kept for whoever provides storage. */
import { required } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface VolumeAttachment extends KubeObject {
  spec?: { attacher?: string; nodeName?: string; source?: { persistentVolumeName?: string } };
  status?: { attached?: boolean };
}

export const volumeAttachments: Resource<VolumeAttachment> = workload({
  group: 'storage.k8s.io',
  kind: 'VolumeAttachment',
  resource: 'volumeattachments',
  namespaced: false,
  description: 'That a volume is to be at hand on a node.',
  generation: false,
  fixed: ['spec'],
  table: {
    columns: [
      nameColumn,
      { name: 'Attacher', type: 'string', format: 'name', description: 'The driver that sees to it.' },
      { name: 'PV', type: 'string', description: 'The volume.' },
      { name: 'Node', type: 'string', description: 'The node.' },
      { name: 'Attached', type: 'boolean', description: 'Whether it is.' },
      ageColumn,
    ],
    cells: (one, now) => [
      nameOf(one),
      one.spec?.attacher ?? '',
      one.spec?.source?.persistentVolumeName ?? '',
      one.spec?.nodeName ?? '',
      one.status?.attached ?? false,
      ageOf(one, now),
    ],
  },
  prepare(one) {
    one.status = { attached: false };
  },
  validate: ({ spec }) => [
    ...(spec?.attacher ? [] : [required('spec.attacher')]),
    ...(spec?.nodeName ? [] : [required('spec.nodeName')]),
  ],
});
