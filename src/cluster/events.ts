/** The resource `events`: what happened to an object, for people to read. They are dropped after an hour. */
import { EVENT_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { type FieldError, invalidValue, isProblem } from '../objects/errors.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { eachKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { parsed } from '../objects/values.ts';
import { agoShort } from './age.ts';
import { ALL_VERBS, kindSchema } from './workload.ts';

export interface EventObject {
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiVersion?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

export interface Event extends KubeObject {
  involvedObject?: EventObject;
  reason?: string;
  message?: string;
  source?: { component?: string; host?: string };
  firstTimestamp?: string;
  lastTimestamp?: string;
  count?: number;
  type?: string;
  eventTime?: string;
  series?: { count?: number; lastObservedTime?: string };
  reportingComponent?: string;
}

export const events: Resource<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema: kindSchema('Event', 'Something that happened to an object.'),
  table: {
    columns: [
      { name: 'Last Seen', type: 'string', description: 'How long ago it happened last.' },
      { name: 'Type', type: 'string', description: 'Normal or Warning.' },
      { name: 'Reason', type: 'string', description: 'What happened, as a word for programs.' },
      { name: 'Object', type: 'string', description: 'To what it happened.' },
      { name: 'Subobject', type: 'string', priority: 1, description: 'To which part of it.' },
      { name: 'Source', type: 'string', priority: 1, description: 'Who says so.' },
      { name: 'Message', type: 'string', description: 'What happened, in words for people.' },
      { name: 'First Seen', type: 'string', priority: 1, description: 'How long ago it happened first.' },
      { name: 'Count', type: 'string', priority: 1, description: 'How often it happened.' },
      { name: 'Name', type: 'string', format: 'name', priority: 1, description: 'The name of the event.' },
    ],
    cells: (event, now) => [
      agoShort(lastSeen(event), now),
      event.type ?? '',
      event.reason ?? '',
      `${(event.involvedObject?.kind ?? '').toLowerCase()}/${event.involvedObject?.name ?? ''}`,
      event.involvedObject?.fieldPath ?? '',
      sourceOf(event),
      (event.message ?? '').trim(),
      agoShort(event.firstTimestamp ?? event.eventTime, now),
      String(event.series?.count ?? event.count ?? 1),
      nameOf(event),
    ],
  },
  fields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject?.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ''),
    type: ({ type }) => type ?? '',
  },
  kept: {
    prefix: '/events/',
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: (_ctx, event) => eventErrors(event),
  },
};

function lastSeen({ series, lastTimestamp, eventTime }: Event): string | undefined {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime;
}

function sourceOf({ source, reportingComponent }: Event): string {
  const component = source?.component || (reportingComponent ?? '');
  return source?.host ? `${component}, ${source.host}` : component;
}

/** An event is where its object is; that of an object in no namespace is in `default`. */
function eventErrors({ involvedObject, metadata }: Event): FieldError[] {
  const namespace = involvedObject?.namespace ?? '';
  const fits = namespace === '' ? metadata.namespace === 'default' : metadata.namespace === namespace;
  if (fits) return [];
  return [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')];
}

/** Drops the events that nobody has told of for longer than they are kept. @throws {StoreError} */
export async function dropOldEvents(ctx: Context): Promise<void> {
  const before = ctx.now().getTime() - EVENT_SECONDS * 1000;
  const old: { readonly namespace: string; readonly name: string }[] = [];
  await eachKept(ctx.store, events, '', (kept) => {
    const event = parsed(events, ctx.settings, kept);
    const time = lastSeen(event) ?? event.metadata.creationTimestamp;
    if (!time || Date.parse(time) < before) {
      old.push({ namespace: event.metadata.namespace ?? '', name: nameOf(event) });
    }
  });
  for (const { namespace, name } of old) {
    await deleteObject(ctx, events, namespace, name, {}).catch((error: unknown) => {
      if (!isProblem(error, 'NotFound') && !isProblem(error, 'Conflict')) throw error;
    });
  }
}
