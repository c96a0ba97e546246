/** The resources `jobs` and `cronjobs`: work that comes to an end, once or again and again. */
import { type FieldError, fixedErrors, required } from '../objects/errors.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, agoShort, nameColumn, shortDuration } from './age.ts';
import { containerCells, containerColumns, type PodTemplate, podErrors, workload } from './workload.ts';

interface JobSpec {
  completions?: number;
  parallelism?: number;
  suspend?: boolean;
  template?: PodTemplate;
}

export interface Job extends KubeObject {
  spec?: JobSpec;
  status?: {
    succeeded?: number;
    startTime?: string;
    completionTime?: string;
    conditions?: { type?: string; status?: string }[];
  };
}

export interface CronJob extends KubeObject {
  spec?: {
    schedule?: string;
    timeZone?: string;
    suspend?: boolean;
    jobTemplate?: { spec?: JobSpec };
  };
  status?: { active?: object[]; lastScheduleTime?: string };
}

/** The longest name of a cron job leaves room for what its jobs add. */
const CRON_JOB_NAME_CHARACTERS = 52;

function templateErrors(spec: JobSpec | undefined, field: string): FieldError[] {
  return podErrors(spec?.template?.spec, `${field}.template.spec`);
}

function jobState({ status, spec, metadata }: Job): string {
  const holds = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  return spec?.suspend ? 'Suspended' : 'Running';
}

function duration({ status }: Job, now: Date): string {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now.getTime();
  return shortDuration((end - Date.parse(status.startTime)) / 1000);
}

export const jobs: Resource<Job> = workload({
  group: 'batch',
  kind: 'Job',
  resource: 'jobs',
  categories: ['all'],
  description: 'Pods that run until so many of them have succeeded.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Status', type: 'string', description: 'Whether the job runs, or how it ended.' },
      { name: 'Completions', type: 'string', description: 'Pods that succeeded, of those that shall.' },
      { name: 'Duration', type: 'string', description: 'How long it has run.' },
      ageColumn,
      ...containerColumns,
    ],
    cells: (job, now) => [
      nameOf(job),
      jobState(job),
      `${job.status?.succeeded ?? 0}/${job.spec?.completions ?? 1}`,
      duration(job, now),
      ageOf(job, now),
      ...containerCells(job.spec?.template),
    ],
  },
  pods: ({ spec }) => spec?.template,
  fields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  validate({ spec }, old) {
    // What a job does cannot be changed while it is done.
    const fixed = old && !old.spec?.suspend ? { was: old.spec?.template } : undefined;
    return [...templateErrors(spec, 'spec'), ...fixedErrors('spec.template', spec?.template, fixed)];
  },
});

export const cronJobs: Resource<CronJob> = workload({
  group: 'batch',
  kind: 'CronJob',
  resource: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  description: 'A job that begins again and again, at set times.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Schedule', type: 'string', description: 'When jobs begin, as cron says it.' },
      { name: 'Timezone', type: 'string', description: 'In which time zone.' },
      { name: 'Suspend', type: 'boolean', description: 'Whether no jobs begin at present.' },
      { name: 'Active', type: 'integer', description: 'How many jobs run.' },
      { name: 'Last Schedule', type: 'string', description: 'How long ago a job began.' },
      ageColumn,
      ...containerColumns,
    ],
    cells: (job, now) => [
      nameOf(job),
      job.spec?.schedule ?? '',
      job.spec?.timeZone ?? '<none>',
      job.spec?.suspend ?? false,
      job.status?.active?.length ?? 0,
      job.status?.lastScheduleTime ? agoShort(job.status.lastScheduleTime, now) : '<none>',
      ageOf(job, now),
      ...containerCells(job.spec?.jobTemplate?.spec?.template),
    ],
  },
  validateName(name) {
    if (name.length > CRON_JOB_NAME_CHARACTERS) return `must be no more than ${CRON_JOB_NAME_CHARACTERS} characters`;
    return dnsSubdomain(name);
  },
  validate: ({ spec }) => [
    ...(spec?.schedule ? [] : [required('spec.schedule')]),
    ...templateErrors(spec?.jobTemplate?.spec, 'spec.jobTemplate.spec'),
  ],
});
