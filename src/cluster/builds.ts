/** The resources `buildconfigs` and `builds`, kept for clients that look for them: pruning counts the images that they name. */
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource, TableColumn } from '../objects/resource.ts';
import { agoShort, nameColumn, shortDuration } from './age.ts';
import { workload } from './workload.ts';

interface BuildSpec {
  strategy?: { type?: string };
  source?: { type?: string; git?: { ref?: string } };
}

export interface BuildConfig extends KubeObject {
  spec?: BuildSpec & { runPolicy?: string };
  status?: { lastVersion?: number };
}

export interface Build extends KubeObject {
  spec?: BuildSpec;
  status?: { phase?: string; startTimestamp?: string; completionTimestamp?: string };
}

const GROUP = 'build.openshift.io';
const columns: readonly TableColumn[] = [
  nameColumn,
  { name: 'Type', type: 'string', description: 'How it builds.' },
  { name: 'From', type: 'string', description: 'What it builds from.' },
];

function cells({ metadata, spec }: BuildConfig | Build): string[] {
  const { type = '', git } = spec?.source ?? {};
  return [nameOf({ metadata }), spec?.strategy?.type ?? '', type === 'Git' && git?.ref ? `Git@${git.ref}` : type];
}

export const buildConfigs: Resource<BuildConfig> = workload({
  group: GROUP,
  kind: 'BuildConfig',
  message: 'build/BuildConfig',
  resource: 'buildconfigs',
  shortNames: ['bc'],
  categories: ['all'],
  description: 'How an image is built, and when.',
  generation: true,
  table: {
    columns: [...columns, { name: 'Latest', type: 'integer', description: 'The number of its latest build.' }],
    cells: (config) => [...cells(config), config.status?.lastVersion ?? 0],
  },
  prepare(config) {
    config.spec = { ...config.spec, runPolicy: config.spec?.runPolicy || 'Serial' };
    config.status = { lastVersion: 0 };
  },
});

export const builds: Resource<Build> = workload({
  group: GROUP,
  kind: 'Build',
  message: 'build/Build',
  resource: 'builds',
  categories: ['all'],
  description: 'One time that an image is built.',
  generation: true,
  table: {
    columns: [
      ...columns,
      { name: 'Status', type: 'string', description: 'How far it has come.' },
      { name: 'Started', type: 'string', description: 'How long ago it began.' },
      { name: 'Duration', type: 'string', description: 'How long it took.' },
    ],
    cells: (build, now) => [
      ...cells(build),
      build.status?.phase ?? '',
      build.status?.startTimestamp ? `${agoShort(build.status.startTimestamp, now)} ago` : '',
      durationOf(build, now),
    ],
  },
  fields: { status: ({ status }) => status?.phase ?? '' },
  prepare(build) {
    build.status = { phase: 'New' };
  },
});

function durationOf({ status }: Build, now: Date): string {
  if (!status?.startTimestamp) return '';
  const end = status.completionTimestamp ? Date.parse(status.completionTimestamp) : now.getTime();
  return shortDuration((end - Date.parse(status.startTimestamp)) / 1000);
}
