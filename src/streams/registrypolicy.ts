/**
 * Where images of streams may come from: what a list of allowed registries says of a stream, a tag, a status, an import, as
 * openshift-apiserver asks it (pkg/image/apis/image/validation). What a stream holds already may stay.
 */
import {
  type AllowedRegistries,
  allowedRegistries,
  alsoAllowed,
  joined,
  registryRefusal,
  type Transport,
} from '../image/allowedregistries.ts';
import { type DockerImageReference, parseReference, registryHostPort } from '../image/reference.ts';
import { IMAGE_GROUP } from '../images/image.ts';
import { referenceFault } from '../images/validate.ts';
import type { Context, Settings } from '../objects/context.ts';
import { type FieldError, forbiddenField } from '../objects/errors.ts';
import type { ObjectMeta } from '../objects/object.ts';
import type { ImageStream, ImageStreamImport, NamedTagEventList, TagReference } from './types.ts';

/** On a stream or tag: that its registries need no TLS. */
const INSECURE_ANNOTATION = 'openshift.io/image.insecureRepository';

/** What holds for the references of one object. */
export interface RegistryPolicy {
  readonly allowed: AllowedRegistries;
  /** Whether the object says that all its registries may be without TLS. */
  readonly insecure: boolean;
}

const known = new WeakMap<Settings, AllowedRegistries>();

function allowedBy(settings: Settings): AllowedRegistries | undefined {
  const patterns = settings.imports?.registries;
  if (!patterns) return undefined;
  const allowed = known.get(settings) ?? allowedRegistries(patterns, settings.registryHost);
  known.set(settings, allowed);
  return allowed;
}

/** The policy for a stream, ImageStreamTag or ImageTag; undefined if images may come from anywhere. */
export function registryPolicy(settings: Settings, { annotations }: ObjectMeta): RegistryPolicy | undefined {
  const allowed = allowedBy(settings);
  return allowed && { allowed, insecure: annotations?.[INSECURE_ANNOTATION] === 'true' };
}

/** The policy with everything that a stream takes images from already. */
export function withInUse(policy: RegistryPolicy, stream: ImageStream): RegistryPolicy {
  const { spec, status } = stream;
  const references = [
    ...(spec?.dockerImageRepository ? [spec.dockerImageRepository] : []),
    ...(spec?.tags ?? []).flatMap(sourceOf),
    ...(status?.tags ?? []).flatMap(({ items }) => (items ?? []).map((item) => item.dockerImageReference)),
  ];
  return { ...policy, allowed: alsoAllowed(policy.allowed, references) };
}

/** The policy with where a tag takes its image from already. */
export function withTagInUse(
  policy: RegistryPolicy | undefined,
  tag: TagReference | null | undefined,
): RegistryPolicy | undefined {
  return policy && tag ? { ...policy, allowed: alsoAllowed(policy.allowed, sourceOf(tag)) } : policy;
}

function sourceOf({ from }: TagReference): string[] {
  return from?.kind === 'DockerImage' ? [from.name ?? ''] : [];
}

const NOWHERE: DockerImageReference = { registry: '', namespace: '', name: '', tag: '', id: '' };

/** Why a reference that is valid, or empty, may not be taken; undefined if it may. */
export function sourceRefusal(
  { allowed, insecure }: RegistryPolicy,
  reference: string,
  insecureTag: boolean | undefined,
): string | undefined {
  const parsed = reference === '' ? NOWHERE : parseReference(reference);
  return registryRefusal(allowed, parsed, transportOf(insecure || insecureTag));
}

function transportOf(insecure: boolean | undefined): Transport {
  return insecure ? 'any' : 'secure';
}

/** Where references stand in a status, and whether their registry may be without TLS. */
interface Place {
  readonly field: string;
  readonly insecure: boolean;
}

function placesOf(stream: ImageStream): Map<string, Place[]> {
  const insecure = new Map(stream.spec?.tags?.map(({ name, importPolicy }) => [name, importPolicy?.insecure ?? false]));
  const places = new Map<string, Place[]>();
  for (const { tag, items } of stream.status?.tags ?? []) {
    for (const [index, { dockerImageReference }] of (items ?? []).entries()) {
      const field = `status.tags[${tag}].items[${index}].dockerImageReference`;
      const place = { field, insecure: insecure.get(tag) ?? false };
      const others = places.get(dockerImageReference);
      if (others) others.push(place);
      else places.set(dockerImageReference, [place]);
    }
  }
  return places;
}

/** Errors of a whole stream's status: every reference is looked at. */
export function historyErrors(policy: RegistryPolicy, stream: ImageStream): FieldError[] {
  return [...placesOf(stream)].flatMap(([reference, places]) =>
    places.flatMap(({ field, insecure }) => {
      const refused = isReference(reference) ? sourceRefusal(policy, reference, insecure) : undefined;
      return refused === undefined ? [] : [forbiddenField(field, refused)];
    }),
  );
}

/** Errors of a write of the status: only references that were not in it are looked at. */
export function newHistoryErrors(
  policy: RegistryPolicy,
  stream: ImageStream,
  old: ImageStream | undefined,
): FieldError[] {
  const before = old ? placesOf(old) : new Map<string, Place[]>();
  return [...placesOf(stream)].flatMap(([reference, places]) => {
    if (before.has(reference) || !isReference(reference)) return [];
    const refused = sourceRefusal(
      policy,
      reference,
      places.some(({ insecure }) => insecure),
    );
    return refused === undefined ? [] : places.map(({ field }) => forbiddenField(field, refused));
  });
}

/** Whether the newest entries of histories may be refused, so that the whole stream has to be looked at. */
export function mayRefuse(policy: RegistryPolicy, histories: Iterable<NamedTagEventList | null>): boolean {
  for (const history of histories) {
    const reference = history?.items?.[0]?.dockerImageReference ?? '';
    if (isReference(reference) && sourceRefusal(policy, reference, false) !== undefined) return true;
  }
  return false;
}

function isReference(text: string): boolean {
  return referenceFault(text) === undefined;
}

/**
 * Errors of an import. Who may create Images, or ImageStreamMappings, in the cluster may import from anywhere: the second
 * right is asked for by a name in the singular (sic).
 */
export async function importErrors(ctx: Context, { spec }: ImageStreamImport): Promise<FieldError[]> {
  const allowed = allowedBy(ctx.settings);
  if (!allowed) return [];
  for (const resource of ['images', 'imagestreammapping']) {
    const attributes = { verb: 'create', group: IMAGE_GROUP, resource };
    if ((await ctx.authorizer.authorize(ctx.user, attributes)).allowed) return [];
  }
  const { repository, images = [] } = spec;
  const sources = [
    ...(repository ? [{ path: 'spec.repository', ...repository }] : []),
    ...images.map((image, index) => ({ path: `spec.images[${index}]`, ...image })),
  ];
  return sources.flatMap(({ path, from, importPolicy }) => {
    const name = from.name ?? '';
    const source = isReference(name) ? parseReference(name) : NOWHERE;
    const { host, port } = registryHostPort(source, importPolicy?.insecure ?? false);
    const registry = joined(host, port);
    const refused = registryRefusal(allowed, { ...NOWHERE, registry }, 'secure');
    if (refused === undefined) return [];
    return [
      forbiddenField(
        `${path}.from.name`,
        `importing images from registry ${JSON.stringify(registry)} is forbidden: ${refused}`,
      ),
    ];
  });
}
