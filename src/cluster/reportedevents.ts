/** The resource `events` of `events.k8s.io`: the same objects as those of the core group, by other names. */
import { canonicalOf } from '../objects/changes.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { dnsSubdomain } from '../objects/names.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { type Event, type EventObject, events } from './events.ts';
import { ALL_VERBS, kindSchema } from './workload.ts';

export interface ReportedEvent extends KubeObject {
  eventTime?: string;
  reportingController?: string;
  reportingInstance?: string;
  action?: string;
  reason?: string;
  regarding?: EventObject;
  note?: string;
  type?: string;
}

/** The members that have other names in the core group. */
const NAMES: readonly (readonly [string, string])[] = [
  ['reportingController', 'reportingComponent'],
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];
const CORE_NAMES: ReadonlyMap<string, string> = new Map(NAMES);
const OWN_NAMES: ReadonlyMap<string, string> = new Map(NAMES.map(([own, core]) => [core, own]));

function renamed<F extends KubeObject, T extends KubeObject>(object: F, names: ReadonlyMap<string, string>): T {
  const members = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value] as const);
  // Both kinds have the same members but for their names.
  return Object.fromEntries(members) as unknown as T;
}

function core(event: ReportedEvent): Event {
  return renamed(event, CORE_NAMES);
}

const regarding = (member: keyof EventObject) => (event: ReportedEvent) => event.regarding?.[member] ?? '';

export const reportedEvents: Resource<ReportedEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema: kindSchema('ReportedEvent', 'Something that happened to an object.'),
  table: {
    columns: events.table.columns,
    cells: (event, now) => events.table.cells(core(event), now),
  },
  fields: {
    'regarding.kind': regarding('kind'),
    'regarding.namespace': regarding('namespace'),
    'regarding.name': regarding('name'),
    'regarding.uid': regarding('uid'),
    'regarding.apiVersion': regarding('apiVersion'),
    'regarding.resourceVersion': regarding('resourceVersion'),
    'regarding.fieldPath': regarding('fieldPath'),
    reason: ({ reason }) => reason ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
  kept: {
    prefix: '/events/',
    form: {
      // In the order of the core group's members, so that a write of either finds what the other has written.
      toKept: (event) => canonicalOf(events, core(event)),
      fromKept: (event) => renamed(event, OWN_NAMES),
    },
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: (_ctx, event, old) => (old ? [] : eventErrors(event)),
  },
};

/** Whoever reports says when, as what, on what grounds and about what. Events of the core group need not. */
function eventErrors(event: ReportedEvent): FieldError[] {
  const errors = (['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason'] as const)
    .filter((member) => !event[member])
    .map((member) => required(member));
  const namespace = event.regarding?.namespace ?? '';
  const place = event.metadata.namespace;
  if (namespace === '' ? place !== 'default' : namespace !== place) {
    errors.push(invalidValue('regarding.namespace', namespace, 'does not match event.namespace'));
  }
  return errors;
}
