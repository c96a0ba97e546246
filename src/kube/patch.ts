/** PATCH: by content type, of kept objects (again and again while others write) and of computed ones. */
import { API_BODY_BYTES, CONFLICT_TRIES, JSON_PATCH_OPERATIONS, REPORTED_FIELDS } from '../limits.ts';
import { canonical } from '../objects/canonical.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, DomainError, invalid, invalidValue, isProblem } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource, Subresource } from '../objects/resource.ts';
import { updateObject } from '../objects/writes.ts';
import { applyConfig } from './apply.ts';
import { decodeJson, readBody } from './body.ts';
import { contextOf, type Exchange } from './exchange.ts';
import { type FieldValidation, fieldFindings, strictDecodingError } from './fieldvalidation.ts';
import { type PatchType, patchType } from './negotiate.ts';
import { patchOptions } from './options.ts';
import { dropRepeatedOwners } from './ownerreferences.ts';
import { applyJsonPatch, isObject, type JsonPatch, jsonPatchOf, MalformedPatch, PatchFailed } from './patch/json.ts';
import { applyMergePatch } from './patch/merge.ts';
import { applyStrategicPatch, BadStrategicPatch } from './patch/strategic.ts';
import { baseOf, computedOf } from './read.ts';
import { renderingOf } from './representation.ts';
import { checkName, isEmptied, otherType, placeInNamespace, refuseOtherUid } from './requestobject.ts';
import { manage, sendUpdated, sendWritten } from './write.ts';

/**
 * Answers a PATCH of an object or of its status.
 * @throws {DomainError} UnsupportedMediaType, BadRequest for what is no patch, Invalid for one that does not fit.
 */
export async function patch(
  exchange: Exchange,
  resource: Resource,
  subresource: Subresource | undefined,
  namespace: string,
  name: string,
): Promise<void> {
  const type = patchType(exchange.req.headers['content-type']);
  const options = patchOptions(exchange.query, type === 'apply');
  const how = renderingOf(exchange, { tableless: subresource?.tableless ?? false });
  if (type === 'apply') return applyConfig(exchange, { resource, subresource, namespace, name, options, how });
  const target: Target = { exchange, resource, namespace, name, mode: options.fieldValidation };
  const change = changeOf(type, await readBody(exchange.req, API_BODY_BYTES), resource);
  const ctx = contextOf(exchange, options);
  if (resource.kept) {
    const rules = subresource?.status && { rules: subresource.status };
    const apply = (old: KubeObject): KubeObject => {
      const next = patched(target, change, old);
      manage(ctx, resource, old, next, subresource);
      return next;
    };
    const written = await updateObject(ctx, resource, namespace, name, apply, { retry: true, ...rules });
    sendWritten(exchange, resource, written, how);
    return;
  }
  sendUpdated(exchange, resource, await patchComputed(target, change, ctx), how);
}

interface Target {
  readonly exchange: Exchange;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly mode: FieldValidation;
}

interface Change {
  /** What is odd about the patch itself: members that it names twice, members of operations that there are not. */
  readonly findings: readonly string[];
  /** The object with the patch applied; the object itself stays as it is. */
  apply(object: KubeObject): unknown;
}

/** Reads a patch. Throws BadRequest for what is none, RequestEntityTooLarge for too many operations. */
function changeOf(type: Exclude<PatchType, 'apply'>, bytes: Buffer, resource: Resource): Change {
  const { value, duplicates } = decodeJson(bytes, 'the patch');
  if (type === 'json') {
    // Go reads null as a patch that says nothing.
    const operations = translated(() => jsonPatchOf(value ?? []));
    if (operations.length > JSON_PATCH_OPERATIONS) {
      const message = `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS}, got ${operations.length}`;
      throw new DomainError({ reason: 'RequestEntityTooLarge', message });
    }
    // A patch is applied anew to each version that is met, and what it adds must not be shared between them.
    const apply = (object: KubeObject): unknown =>
      translated(() => applyJsonPatch(structuredClone(object), structuredClone(operations), API_BODY_BYTES));
    return { findings: operationFindings(operations, duplicates), apply };
  }
  if (value === null && type === 'strategic') return { findings: [], apply: (object) => object };
  if (!isObject(value)) {
    const found = Array.isArray(value) ? 'array' : typeof value;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
    );
  }
  const findings = fieldFindings({ unknown: [], duplicates });
  if (type === 'merge') return { findings, apply: (object) => applyMergePatch(object, value) };
  return {
    findings,
    apply: (object) => translated(() => applyStrategicPatch(resource.schema, { ...object }, value)),
  };
}

const OPERATION_MEMBERS: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);

function operationFindings(operations: JsonPatch, duplicates: readonly string[]): string[] {
  const unknown = operations.flatMap((operation, index) =>
    Object.keys(operation)
      .filter((member) => !OPERATION_MEMBERS.has(member))
      .map((member) => `[${index}].${member}`),
  );
  return fieldFindings({ unknown, duplicates }).map((finding) => `json patch ${finding}`);
}

/** What the pure patches throw, as the API says it. */
function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MalformedPatch) throw badRequest(`error decoding patch: ${error.message}`);
    if (error instanceof BadStrategicPatch) throw badRequest(error.message);
    // Kubernetes says no more than that the request was in error.
    if (error instanceof PatchFailed) throw invalid({ group: '', kind: '' }, '', []);
    throw error;
  }
}

/** The object as it shall be, in canonical form. */
function patched({ exchange, resource, namespace, name, mode }: Target, change: Change, old: KubeObject): KubeObject {
  const { uid } = old.metadata;
  const result = change.apply(old);
  const refuse = (detail: string): never => {
    // The words name neither kind nor object; the field is the patch.
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', JSON.stringify(result), detail)]);
  };
  if (!isObject(result)) return refuse('the patch leaves no object');
  const other = otherType(resource, result);
  if (other !== undefined) refuse(other);
  const { value: object, unknown, wrongTypes } = canonical(resource.schema, result);
  const wrong = wrongTypes[0];
  if (wrong) refuse(wrong.message);
  const findings = [...change.findings, ...fieldFindings({ unknown, duplicates: [] })].slice(0, REPORTED_FIELDS);
  if (mode === 'Strict' && findings.length > 0) refuse(strictDecodingError(findings));
  if (mode === 'Warn') warn(exchange, findings);
  resource.normalise?.(object);
  if (resource.kept && isEmptied(result)) object.metadata.managedFields = [{}];
  const repeated = dropRepeatedOwners(object, true);
  if (repeated !== undefined) warn(exchange, [repeated]);
  checkName(object, name);
  placeInNamespace(resource, object, namespace);
  if (uid) refuseOtherUid(resource, object, { metadata: { uid } });
  return object;
}

function warn({ warnings }: Exchange, texts: readonly string[]): void {
  for (const text of texts) if (!warnings.includes(text)) warnings.push(text);
}

/** Reads, patches and writes a computed object, again if it changed meanwhile and the patch does not name a version. */
async function patchComputed(
  target: Target,
  change: Change,
  ctx: Context,
): Promise<{ readonly object: KubeObject; readonly created: boolean }> {
  const { resource, namespace, name } = target;
  for (let tries = 1; ; tries++) {
    const base = await baseOf(resource, ctx, namespace, name);
    const version = base.metadata.resourceVersion;
    const object = patched(target, change, base);
    const named = object.metadata.resourceVersion !== version;
    try {
      return await computedOf(resource, 'update').update(ctx, namespace, name, object);
    } catch (error) {
      if (!isProblem(error, 'Conflict') || named || tries >= CONFLICT_TRIES) throw error;
    }
  }
}
