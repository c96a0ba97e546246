/** create, update, delete and deletecollection, of kept and of computed resources. */
import { API_BODY_BYTES, CONFLICT_TRIES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import type { FieldSet } from '../objects/fields/fieldset.ts';
import { managedByUpdate, untouchable } from '../objects/fields/managed.ts';
import { apiTime, type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource, StatusAnswer, Subresource } from '../objects/resource.ts';
import { nameOfKey } from '../objects/values.ts';
import { createObject, updateObject, type Written } from '../objects/writes.ts';
import { decodeBody, readBody } from './body.ts';
import { checkCreate } from './createright.ts';
import { apiOfSubresource } from './discovery.ts';
import { contextOf, type Exchange, send, sendStatus } from './exchange.ts';
import { listForm } from './listform.ts';
import { ListWriter } from './listwriter.ts';
import { createOptions, type Deletion, deletionOf, listOptions, updateOptions } from './options.ts';
import { computedItem, computedOf, sendAnswer } from './read.ts';
import { type Rendering, rendered, renderingOf } from './representation.ts';
import { checkName, placeInNamespace, requestObject } from './requestobject.ts';
import { scan } from './scan.ts';
import { selectionOf } from './selectors.ts';
import { successStatus } from './status.ts';

/** Answers a POST: 201 with the object as it is stored, or with a Status where the resource answers so. */
export async function create(exchange: Exchange, resource: Resource, namespace: string): Promise<void> {
  const options = createOptions(exchange.query);
  // What cannot be read back has no columns.
  const how = renderingOf(exchange, { tableless: !resource.verbs.includes('get') });
  const object = await requestObject(exchange, resource, options.fieldValidation);
  placeInNamespace(resource, object, namespace);
  const ctx = contextOf(exchange, options);
  if (resource.kept) {
    delete object.metadata.deletionTimestamp;
    delete object.metadata.deletionGracePeriodSeconds;
    manage(ctx, resource, undefined, object);
    sendWritten(exchange, resource, await createObject(ctx, resource, namespace, object), how);
    return;
  }
  const made = await computedOf(resource, 'create').create(ctx, namespace, object);
  if (isStatus(made)) sendStatus(exchange, 201, { ...successStatus(), code: 201 }, how);
  else sendAnswer(exchange, 201, resource, resource.kind, { object: () => made }, how);
}

/** Answers a POST to a subresource: 201 with what it made. */
export async function createSubresource(
  exchange: Exchange,
  resource: Resource,
  subresource: Subresource,
  namespace: string,
  name: string,
): Promise<void> {
  const options = createOptions(exchange.query);
  const how = renderingOf(exchange, { tableless: true });
  const { kind, schema } = subresource;
  if (!subresource.create)
    throw new Error(`${resource.resource}/${subresource.name} offers create but has no function for it`);
  const posted: Resource = { ...resource, ...apiOfSubresource(resource, subresource), kind, ...(schema && { schema }) };
  const object = await requestObject(exchange, posted, options.fieldValidation);
  placeInNamespace(resource, object, namespace);
  const ctx = contextOf(exchange, options);
  manage(ctx, posted, undefined, object);
  const made = await subresource.create(ctx, namespace, name, object);
  sendAnswer(exchange, 201, posted, kind, { object: () => made }, how);
}

/** Sets who manages which fields, as the writer's change has it. */
export function manage(
  ctx: Context,
  resource: Resource,
  old: KubeObject | undefined,
  object: KubeObject,
  subresource?: Subresource,
): void {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const writer = {
    manager: ctx.fieldManager ?? 'unknown',
    operation: 'Update' as const,
    apiVersion,
    ...(subresource && { subresource: subresource.name }),
  };
  const managed = managedByUpdate(
    resource.schema,
    old,
    object,
    writer,
    apiTime(ctx.now()),
    untouchedBy(resource, subresource),
  );
  if (managed.length > 0) object.metadata.managedFields = managed;
  else delete object.metadata.managedFields;
}

const untouched = new WeakMap<readonly string[], FieldSet>();

/** The fields that a write leaves as they are. */
export function untouchedBy(resource: Resource, subresource: Subresource | undefined): FieldSet | undefined {
  const paths = (subresource ?? resource).untouched;
  if (!paths) return undefined;
  let fields = untouched.get(paths);
  if (!fields) {
    fields = untouchable(paths);
    untouched.set(paths, fields);
  }
  return fields;
}

function isStatus(made: KubeObject | StatusAnswer): made is StatusAnswer {
  return 'status' in made && made.status === 'Success' && !('metadata' in made);
}

/** Answers a PUT, of an object or of its status: 200, or 201 if it did not exist and the resource makes it then. */
export async function update(
  exchange: Exchange,
  resource: Resource,
  subresource: Subresource | undefined,
  namespace: string,
  name: string,
): Promise<void> {
  const options = updateOptions(exchange.query);
  const how = renderingOf(exchange, { tableless: subresource?.tableless ?? false });
  const object = await requestObject(exchange, resource, options.fieldValidation);
  checkName(object, name);
  placeInNamespace(resource, object, namespace);
  const ctx = contextOf(exchange, options);
  if (resource.kept) {
    const written = await updateKept(ctx, { resource, subresource, namespace, name }, object);
    sendWritten(exchange, resource, written, how);
    return;
  }
  const updated = await computedOf(resource, 'update').update(ctx, namespace, name, object);
  sendUpdated(exchange, resource, updated, how);
}

interface Place {
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly namespace: string;
  readonly name: string;
}

/** Writes over what is there or, for the resources that allow it, makes what is not. */
async function updateKept(ctx: Context, place: Place, object: KubeObject): Promise<Written<KubeObject>> {
  const { resource, subresource, namespace, name } = place;
  const creates = resource.kept?.createOnUpdate && !subresource;
  // What may be tried again is copied: the rules change the object that they are given.
  const again = creates || !object.metadata.resourceVersion;
  const change = (old: KubeObject): KubeObject => {
    const next = again ? structuredClone(object) : object;
    manage(ctx, resource, old, next, subresource);
    return next;
  };
  const rules = subresource?.status && { rules: subresource.status };
  for (let tries = 1; ; tries++) {
    try {
      return await updateObject(ctx, resource, namespace, name, change, rules);
    } catch (error) {
      if (!creates || !isProblem(error, 'NotFound')) throw error;
    }
    await checkCreate(ctx, resource, namespace, name);
    const made = structuredClone(object);
    delete made.metadata.resourceVersion;
    manage(ctx, resource, undefined, made);
    try {
      return await createObject(ctx, resource, namespace, made);
    } catch (error) {
      if (!isProblem(error, 'AlreadyExists') || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

/** Answers with what a computed resource's update came to. */
export function sendUpdated(
  exchange: Exchange,
  resource: Resource,
  { object, created }: { readonly object: KubeObject; readonly created: boolean },
  how: Rendering,
): void {
  sendAnswer(exchange, created ? 201 : 200, resource, resource.kind, { object: () => object }, how);
}

/** Answers with what was written. */
export function sendWritten(
  exchange: Exchange,
  resource: Resource,
  written: Written<KubeObject>,
  how: Rendering,
  code = written.created ? 201 : 200,
): void {
  const shown = { served: () => written.served, object: () => written.object };
  send(
    exchange,
    code,
    how.contentType,
    rendered(resource, shown, how, () => exchange.services.now()),
  );
}

/** Kinds of the core group whose deletion answers the object even when it is gone, as in Kubernetes. */
const ANSWERS_OBJECT: ReadonlySet<string> = new Set(['Namespace', 'Pod', 'ServiceAccount']);

/** Answers a DELETE of one object: a Status, or the object where it waits for finalizers. */
export async function deleteOne(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<void> {
  const how = renderingOf(exchange);
  const { dryRun, options, accepted } = await requestDeletion(exchange);
  const ctx = contextOf(exchange, { dryRun });
  if (!resource.kept) {
    await computedOf(resource, 'delete').delete(ctx, namespace, name, options);
    sendStatus(exchange, 200, successStatus(), how);
    return;
  }
  const { gone, object, served } = await deleteObject(ctx, resource, namespace, name, options);
  if (!gone || (resource.group === '' && ANSWERS_OBJECT.has(resource.kind))) {
    sendWritten(exchange, resource, { object, served, created: false }, how, gone || !accepted ? 200 : 202);
    return;
  }
  const { group, resource: kind } = resource;
  const { uid } = object.metadata;
  const details = { name: nameOf(object), group, kind, ...(uid !== undefined && { uid }) };
  sendStatus(exchange, 200, successStatus(details), how);
}

async function requestDeletion({ req, query }: Exchange): Promise<Deletion> {
  const bytes = await readBody(req, API_BODY_BYTES);
  const body = bytes.length === 0 ? undefined : decodeBody(bytes, req.headers['content-type']).value;
  return deletionOf(body, query);
}

/** Answers a DELETE of a collection with the list of what it deleted. An object that another has deleted is left out. */
export async function deleteMany(exchange: Exchange, resource: Resource, namespace: string): Promise<void> {
  const { services, query } = exchange;
  const { dryRun, options } = await requestDeletion(exchange);
  const selection = selectionOf(resource, listOptions(query, false));
  const how = renderingOf(exchange, { list: true });
  const form = listForm(resource, how, services.now());
  const ctx = contextOf(exchange, { dryRun });
  let writer: ListWriter | undefined;
  for await (const page of scan(services, resource, namespace, selection, { fresh: 'latest', limit: 0 })) {
    writer ??= new ListWriter(exchange, form, how.contentType, { resourceVersion: String(page.revision) });
    for (const { head } of page.selected) {
      const at = nameOfKey(resource, head.key);
      try {
        const { before } = await deleteObject(ctx, resource, at.namespace, at.name, options);
        await writer.add([computedItem(before)]);
      } catch (error) {
        if (!isProblem(error, 'NotFound')) throw error;
      }
    }
  }
  writer?.end();
}
