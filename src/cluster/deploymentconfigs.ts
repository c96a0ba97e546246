/** The resource `deploymentconfigs`: what OpenShift had before Deployments, kept for clients that still look for it. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { nameColumn } from './age.ts';
import { scaleOf } from './scale.ts';
import { type PodTemplate, podErrors, workload } from './workload.ts';

interface Trigger {
  type?: string;
  imageChangeParams?: { from?: { name?: string } };
}

export interface DeploymentConfig extends KubeObject {
  spec?: {
    replicas?: number;
    selector?: Record<string, string>;
    strategy?: { type?: string };
    template?: PodTemplate;
    triggers?: Trigger[];
  };
  status?: { latestVersion?: number; replicas?: number };
}

export const deploymentConfigs: Resource<DeploymentConfig> = workload({
  group: 'apps.openshift.io',
  kind: 'DeploymentConfig',
  message: 'apps/DeploymentConfig',
  resource: 'deploymentconfigs',
  shortNames: ['dc'],
  categories: ['all'],
  description: 'Pods that are alike and are replaced when their template or their image changes.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Revision', type: 'integer', description: 'How often its pods were replaced.' },
      { name: 'Desired', type: 'integer', description: 'How many pods there shall be.' },
      { name: 'Current', type: 'integer', description: 'How many pods there are.' },
      { name: 'Triggered By', type: 'string', description: 'What has its pods replaced.' },
    ],
    cells: (config) => [
      nameOf(config),
      config.status?.latestVersion ?? 0,
      config.spec?.replicas ?? 0,
      config.status?.replicas ?? 0,
      (config.spec?.triggers ?? []).map(triggerText).join(','),
    ],
  },
  prepare({ spec }) {
    if (!spec) return;
    // As OpenShift: what follows from nothing that is said follows from changes of the config itself.
    spec.triggers ??= [{ type: 'ConfigChange' }];
    spec.strategy = { ...spec.strategy, type: spec.strategy?.type || 'Rolling' };
    const labels = spec.template?.metadata?.labels;
    if (Object.keys(spec.selector ?? {}).length === 0 && labels) spec.selector = labels;
  },
  validate: ({ spec }) => podErrors(spec?.template?.spec, 'spec.template.spec'),
  subresources: [scaleOf('deploymentconfigs', () => deploymentConfigs)],
});

function triggerText({ type = '', imageChangeParams }: Trigger): string {
  if (type === 'ConfigChange') return 'config';
  return type === 'ImageChange' ? `image(${imageChangeParams?.from?.name ?? ''})` : type;
}
