/** The object in a request's body: decoded, of the right kind, in canonical form, with the name that the URL says. */
import { API_BODY_BYTES } from '../limits.ts';
import { canonical } from '../objects/canonical.ts';
import { badRequest, invalid, invalidValue } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { quoted } from '../objects/quoting.ts';
import type { Resource } from '../objects/resource.ts';
import type { Schema } from '../objects/schema.ts';
import { decodeBody, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { checkFields, type FieldFindings, type FieldValidation, inBodyOrder, notHandled } from './fieldvalidation.ts';
import { findingsIn } from './jsonsurvey.ts';
import { dropRepeatedOwners } from './ownerreferences.ts';
import { isObject } from './patch/json.ts';
import { apiVersionOf } from './representation.ts';

/**
 * The object that a POST or PUT carries.
 * @throws {DomainError} BadRequest if it cannot be read, is of another kind or, under Strict, has unknown members;
 *   UnsupportedMediaType; RequestEntityTooLarge.
 */
export async function requestObject(
  exchange: Exchange,
  resource: Resource,
  mode: FieldValidation,
): Promise<KubeObject> {
  const bytes = await readBody(exchange.req, API_BODY_BYTES);
  const {
    value,
    duplicates,
    fractions = [],
  } = decodeBody(bytes, exchange.req.headers['content-type'], {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
  });
  const other = otherType(resource, value);
  if (other !== undefined) throw badRequest(other);
  const fraction = fractions.find((steps) => isInteger(resource.schema, steps));
  if (fraction) throw badRequest(`${notHandled(resource)}: ${fraction.join('.')}: ${FRACTION}`);
  const { value: object, unknown, wrongTypes } = canonical(resource.schema, value);
  const findings = {
    unknown: inBodyOrder(value, unknown),
    duplicates,
    ...inOrder(bytes, unknown, duplicates),
    wrongTypes,
  };
  exchange.warnings.push(...checkFields(mode, resource, findings));
  resource.normalise?.(object);
  if (resource.kept && isEmptied(value)) object.metadata.managedFields = [{}];
  const repeated = dropRepeatedOwners(object, false);
  if (repeated !== undefined) exchange.warnings.push(repeated);
  return object;
}

/** What was found of both sorts, in the order of the body: only JSON tells it. */
function inOrder(
  bytes: Buffer,
  unknown: readonly string[],
  duplicates: readonly string[],
): Pick<FieldFindings, 'inOrder'> {
  if (unknown.length === 0 || duplicates.length === 0) return {};
  const found = findingsIn(bytes.toString(), unknown);
  return found.length === unknown.length + duplicates.length ? { inOrder: found } : {};
}

const FRACTION = 'an integer is written without fraction and exponent';

/** Whether what stands there is an integer: `1e2` is none for Go's decoder, whatever it is worth. */
function isInteger(schema: Schema | undefined, [step, ...rest]: readonly (string | number)[]): boolean {
  if (step === undefined) return schema?.type === 'integer';
  switch (schema?.type) {
    case 'object':
      return Object.hasOwn(schema.properties, step) && isInteger(schema.properties[step], rest);
    case 'map':
      return isInteger(schema.values, rest);
    case 'array':
      return isInteger(schema.items, rest);
    default:
      return false;
  }
}

/** Whether the managers are to be forgotten: the list is there and empty, which canonical form does not tell. */
export function isEmptied(value: unknown): boolean {
  const metadata = isObject(value) ? value.metadata : undefined;
  const managed = isObject(metadata) ? metadata.managedFields : undefined;
  return Array.isArray(managed) && managed.length === 0;
}

/** Why a value is not of the resource's kind; undefined if it is, or does not say. */
export function otherType(resource: Resource, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const kind = textOf(value, 'kind') || resource.kind;
  const expected = apiVersionOf(resource);
  const given = textOf(value, 'apiVersion') || expected;
  if (kind === resource.kind && given === expected) return undefined;
  const [group, version] = given.includes('/') ? split(given) : ['', given];
  if (kind === resource.kind && group !== resource.group) {
    return `the API version in the data (${given}) does not match the expected API version (${expected})`;
  }
  const why =
    kind === resource.kind
      ? `no kind ${quoted(kind)} is registered for version ${quoted(given)}`
      : `converting (${version}.${kind}) to (${resource.version}.${resource.kind}): unknown conversion`;
  return `${kind} in version ${quoted(version)} cannot be handled as a ${resource.kind}: ${why}`;
}

function split(apiVersion: string): [string, string] {
  const slash = apiVersion.indexOf('/');
  return [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** A member that is a text; '' if it is not there or something else, which decoding refuses in better words. */
function textOf(value: object, member: 'kind' | 'apiVersion'): string {
  const found: unknown = member in value ? value[member as keyof typeof value] : undefined;
  return typeof found === 'string' ? found : '';
}

/**
 * Puts the object where the URL says: it need not say so itself, and what lives in no namespace loses one that it names.
 * @throws {DomainError} BadRequest if the object says another namespace than the URL.
 */
export function placeInNamespace(resource: Resource, object: KubeObject, namespace: string): void {
  const { metadata } = object;
  if (!resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  metadata.namespace ||= namespace;
  if (metadata.namespace === namespace) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** @throws {DomainError} Invalid if a patch gives the object another uid. */
export function refuseOtherUid(
  { kept, ...resource }: Resource,
  object: KubeObject,
  old: Pick<KubeObject, 'metadata'> | undefined,
): void {
  const { uid } = object.metadata;
  if (!kept || !old?.metadata.uid || !uid || uid === old.metadata.uid) return;
  const cause = invalidValue('metadata.uid', uid, 'field is immutable');
  throw invalid(resource, nameOf(object), kept.repeatsMetadataErrors ? [cause, cause] : [cause]);
}

/** @throws {DomainError} BadRequest if the object says another name than the URL, or none. */
export function checkName(object: KubeObject, name: string): void {
  const { name: given } = object.metadata;
  if (given === name) return;
  if (!given) {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}
