/** Events of a watch: which change of the store is which event for a selection, and its line, made once for all watches. */

import { canonical } from '../objects/canonical.ts';
import type { Services } from '../objects/context.ts';
import type { KubeObject } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { type KeptObject, keptOf, nameOfKey, parsed, served, whole } from '../objects/values.ts';
import type { Awaitable, Revision, StoreEvent } from '../store/store.ts';
import type { Labels } from './labelselector.ts';
import { labelsOf } from './metadatabytes.ts';
import { apiVersionOf, partialJson, type Rendering, servedJson } from './representation.ts';
import { isSelected } from './scan.ts';
import { type Selection, selectsName } from './selectors.ts';
import { partialOf, tableOf } from './table.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** What one kind of watch sees of a resource. */
export interface View {
  readonly services: Pick<Services, 'store' | 'settings' | 'now'>;
  readonly resource: Resource;
  readonly selection: Selection;
  readonly how: Rendering;
}

/** An event for a watch: the object in that state, under that revision. */
export interface ObjectEvent {
  readonly type: EventType;
  readonly kept: KeptObject;
  readonly revision: Revision;
}

/** Whether a change may concern a watch at all; parts of composed objects never come without their heads. */
export function concerns({ resource, selection }: View, event: StoreEvent): boolean {
  const { composition, prefix } = keptOf(resource);
  if (composition && event.key.indexOf('#', prefix.length) !== event.key.length - 1) return false;
  if (!selection.fields) return true;
  const { namespace, name } = nameOfKey(resource, event.key);
  return selectsName(selection, namespace, name);
}

/**
 * What a change is to a watch: an object that begins to be selected is ADDED, one that no longer is is DELETED in the
 * state in which it last was, under the revision of the change. Undefined if the watch need not know. Composed objects
 * are put together as they were at that revision, which takes reads; the others need none.
 */
export function eventOf(view: View, event: StoreEvent): Awaitable<ObjectEvent | undefined> {
  if (keptOf(view.resource).composition) return composedEvent(view, event);
  const now = event.value && whole({ ...event, value: event.value });
  const old = event.previous && whole(event.previous);
  return typed(event, now && selected(view, now) ? now : undefined, old && selected(view, old) ? old : undefined);
}

function selected({ selection, resource, services }: View, kept: KeptObject): boolean {
  return selection.all || isSelected(resource, services.settings, selection, kept, rememberedLabels);
}

const labels = new WeakMap<Buffer, { readonly labels: Labels }>();

/** Labels of a value that all watches are told of. */
function rememberedLabels(value: Buffer): Labels {
  return remembered(labels, value, () => ({ labels: labelsOf(value) })).labels;
}

function typed(event: StoreEvent, now: KeptObject | undefined, old: KeptObject | undefined): ObjectEvent | undefined {
  const { revision } = event;
  if (now) return { type: old ? 'MODIFIED' : 'ADDED', kept: now, revision };
  return old && { type: 'DELETED', kept: old, revision };
}

/** Reads only what must be sent, unless the selection asks for more than the heads tell. */
async function composedEvent(view: View, event: StoreEvent): Promise<ObjectEvent | undefined> {
  const { revision, value, previous } = event;
  const now = (): Promise<KeptObject | undefined> => assembled(view, event, revision);
  const old = (): Promise<KeptObject | undefined> => assembled(view, event, revision - 1);
  if (view.selection.fields?.matchesObject) {
    const [after, before] = [value && (await now()), previous && (await old())];
    return typed(
      event,
      after && selected(view, after) ? after : undefined,
      before && selected(view, before) ? before : undefined,
    );
  }
  const is = value !== undefined && selected(view, whole({ ...event, value }));
  const was = previous !== undefined && selected(view, whole(previous));
  if (is) return typed(event, await now(), was ? whole(previous) : undefined);
  return was ? typed(event, undefined, await old()) : undefined;
}

const assemblies = new WeakMap<StoreEvent, Map<Revision, Promise<KeptObject | undefined>>>();

/** A composed object as it was, read once for all watches of it. */
function assembled(view: View, event: StoreEvent, revision: Revision): Promise<KeptObject | undefined> {
  const { services, resource } = view;
  const known = remembered(assemblies, event, () => new Map<Revision, Promise<KeptObject | undefined>>());
  let found = known.get(revision);
  if (!found) {
    const { namespace, name } = nameOfKey(resource, event.key);
    found = readKept(services.store, resource, namespace, name, { exactly: revision });
    known.set(revision, found);
  }
  return found;
}

const lines = new WeakMap<StoreEvent, Map<string, Buffer>>();

/** The line of an event, made once for all watches of the same form. */
export function lineOf(view: View, event: StoreEvent, { type, kept, revision }: ObjectEvent): Buffer {
  const { how, resource } = view;
  const known = remembered(lines, event, () => new Map<string, Buffer>());
  const key = `${type} ${resource.version} ${how.form} ${how.apiVersion} ${how.form === 'table' ? how.includeObject : ''}`;
  let line = known.get(key);
  if (!line) {
    line = objectLine(view, { type, kept, revision }, false);
    known.set(key, line);
  }
  return line;
}

function remembered<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** The line of an object. `columns` tells whether a Table describes its columns, as the first of a watch does. */
export function objectLine(view: View, { type, kept, revision }: ObjectEvent, columns: boolean): Buffer {
  const { how, resource, services } = view;
  const { settings } = services;
  if (how.form === 'table') {
    return line(type, tableJson(view, parsed(resource, settings, kept, revision), columns));
  }
  const partial = how.form === 'partial';
  const json = served(resource, settings, kept, partial ? 'item' : 'object', revision);
  return line(type, partial ? partialJson(json, how) : json);
}

function tableJson({ how, resource, services }: View, object: KubeObject, columns: boolean): string {
  const { resourceVersion = '' } = object.metadata;
  const { apiVersion, includeObject } = how;
  const options = { apiVersion, includeObject, now: services.now(), metadata: { resourceVersion }, columns };
  return [...tableOf(resource, [object], options)].join('').trimEnd();
}

/** Marks the end of the initial events of a watch that began as a list. */
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' };

/** An event that says only how far the watch has come: an object of the same kind with nothing but a version. */
export function bookmarkLine(view: View, revision: Revision, initialEventsEnd: boolean, columns: boolean): Buffer {
  const { resource, how } = view;
  const metadata = {
    ...keptOf(resource).bookmark,
    resourceVersion: String(revision),
    ...(initialEventsEnd && { annotations: INITIAL_EVENTS_END }),
  };
  const object = canonical(resource.schema, { metadata }).value;
  if (how.form === 'table') return line('BOOKMARK', tableJson(view, object, columns));
  if (how.form === 'partial') return line('BOOKMARK', JSON.stringify(partialOf(object, how.apiVersion)));
  return line('BOOKMARK', servedJson(resource.kind, apiVersionOf(resource), object));
}

export function errorLine(status: object): Buffer {
  return line('ERROR', JSON.stringify(status));
}

function line(type: string, json: Buffer | string): Buffer {
  const opening = `{"type":"${type}","object":`;
  const bytes = typeof json === 'string' ? Buffer.from(json) : json;
  return Buffer.concat([Buffer.from(opening), bytes, LINE_END]);
}

const LINE_END = Buffer.from('}\n');
