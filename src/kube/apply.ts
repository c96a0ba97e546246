/** Server-side apply: a PATCH that says which fields its manager wants, and makes the object if there is none. */
import { API_BODY_BYTES, CONFLICT_TRIES } from '../limits.ts';
import { canonical } from '../objects/canonical.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, conflict, isProblem } from '../objects/errors.ts';
import { ApplyConflict, apply, conflictProblem } from '../objects/fields/apply.ts';
import type { Manager } from '../objects/fields/managed.ts';
import { apiTime, type KubeObject } from '../objects/object.ts';
import type { Resource, Subresource } from '../objects/resource.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { decodeBody, readBody } from './body.ts';
import { checkCreate } from './createright.ts';
import { contextOf, type Exchange } from './exchange.ts';
import { fieldFindings, strictDecodingError } from './fieldvalidation.ts';
import type { WriteOptions } from './options.ts';
import { isObject } from './patch/json.ts';
import { baseOf, computedOf } from './read.ts';
import { apiVersionOf, type Rendering } from './representation.ts';
import { checkName, placeInNamespace, refuseOtherUid } from './requestobject.ts';
import { sendUpdated, sendWritten, untouchedBy } from './write.ts';

export interface ApplyRequest {
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly namespace: string;
  readonly name: string;
  readonly options: WriteOptions;
  readonly how: Rendering;
}

/**
 * Answers an apply: 200, or 201 if it made the object.
 * @throws {DomainError} BadRequest for what is no configuration of this object, ApplyConflict, and what writes throw.
 */
export async function applyConfig(exchange: Exchange, request: ApplyRequest): Promise<void> {
  const { resource, options, how } = request;
  const config = configOf(exchange, request, await readBody(exchange.req, API_BODY_BYTES));
  const ctx = contextOf(exchange, options);
  const applied = (live: KubeObject | undefined): KubeObject => result(request, config, live, apiTime(ctx.now()));
  if (resource.kept) sendWritten(exchange, resource, await applyKept(ctx, request, applied, config.metadata.uid), how);
  else sendUpdated(exchange, resource, await applyComputed(ctx, request, applied), how);
}

/** What the manager sent. It must name its kind; it may be YAML, of which JSON is a part. */
function configOf(exchange: Exchange, { resource, name, namespace, options }: ApplyRequest, bytes: Buffer): KubeObject {
  const { value, duplicates } = decodeBody(bytes, 'application/yaml');
  if (!isObjectOf(resource, value)) throw badRequest(`invalid object type: ${typeOf(value)}`);
  const { unknown, wrongTypes, value: object } = canonical(resource.schema, value, { defaults: false });
  const repeated = fieldFindings({ unknown: [], duplicates });
  if (options.fieldValidation === 'Strict' && repeated[0]) throw badRequest(strictDecodingError(repeated));
  if (options.fieldValidation === 'Warn') exchange.warnings.push(...repeated);
  const wrong = wrongTypes[0]?.message ?? fieldFindings({ unknown, duplicates: [] })[0];
  if (wrong !== undefined) throw badRequest(`failed to create typed patch object: ${wrong}`);
  // An object that is there gives its name to a configuration that does not.
  if (object.metadata.name) checkName(object, name);
  placeInNamespace(resource, object, namespace);
  // As it was sent: what it leaves out, even if it is always printed, is not the manager's.
  return { ...value, metadata: value.metadata ?? {} };
}

/** Metadata may be left out. */
type Unchecked = Partial<Pick<KubeObject, 'metadata'>> & Omit<KubeObject, 'metadata'>;

/** It says its kind and apiVersion, and that they are the resource's; metadata is checked against the schema. */
function isObjectOf(resource: Resource, value: unknown): value is Unchecked {
  return typeOf(value) === `${apiVersionOf(resource)}, Kind=${resource.kind}`;
}

/** A type as Go prints it; without a version it is `/, Kind=…`. */
function typeOf(value: unknown): string {
  const { apiVersion, kind } = isObject(value) ? value : {};
  const version = typeof apiVersion === 'string' && apiVersion ? apiVersion : '/';
  return `${version}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

function result(
  { resource, subresource, name, options }: ApplyRequest,
  config: KubeObject,
  live: KubeObject | undefined,
  time: string,
): KubeObject {
  const manager: Manager = {
    manager: options.fieldManager,
    operation: 'Apply',
    apiVersion: apiVersionOf(resource),
    ...(subresource && { subresource: subresource.name }),
  };
  try {
    const object = apply(
      resource.schema,
      live,
      config,
      manager,
      options.force,
      time,
      untouchedBy(resource, subresource),
    );
    const { value } = canonical(resource.schema, object);
    checkName(value, name);
    resource.normalise?.(value);
    refuseOtherUid(resource, value, live);
    return value;
  } catch (error) {
    throw error instanceof ApplyConflict ? conflictProblem(error) : error;
  }
}

type Applied = (live: KubeObject | undefined) => KubeObject;

async function applyKept(
  ctx: Context,
  request: ApplyRequest,
  applied: Applied,
  uid: string | undefined,
): Promise<Awaited<ReturnType<typeof updateObject>>> {
  const { resource, subresource, namespace, name } = request;
  const rules = subresource?.status && { rules: subresource.status };
  for (let tries = 1; ; tries++) {
    try {
      return await updateObject(ctx, resource, namespace, name, applied, { retry: true, ...rules });
    } catch (error) {
      if (!isProblem(error, 'NotFound') || subresource) throw error;
    }
    await checkCreate(ctx, resource, namespace, name);
    refuseUid(request, uid);
    try {
      return await createObject(ctx, resource, namespace, applied(undefined));
    } catch (error) {
      // Somebody else made it just now.
      if (!isProblem(error, 'AlreadyExists') || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

/** Who names a uid means an object that there is. */
function refuseUid({ resource, name }: ApplyRequest, uid: string | undefined): void {
  if (!uid) return;
  const message = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw conflict(resource, name, message);
}

async function applyComputed(
  ctx: Context,
  request: ApplyRequest,
  applied: Applied,
): Promise<{ readonly object: KubeObject; readonly created: boolean }> {
  const { resource, namespace, name } = request;
  const live = await baseOf(resource, ctx, namespace, name).catch((error: unknown) => {
    if (isProblem(error, 'NotFound')) return undefined;
    throw error;
  });
  if (!live) await checkCreate(ctx, resource, namespace, name);
  return computedOf(resource, 'update').update(ctx, namespace, name, applied(live));
}
