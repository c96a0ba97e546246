/**
 * What LimitRanges of types `openshift.io/Image` and `openshift.io/ImageStream` allow, counted and worded as
 * openshift-apiserver does (pkg/image/apiserver/admission/limitrange). Pure.
 */
import {
  daemonMinimal,
  dockerClientDefaults,
  formatReference,
  parseReference,
  ReferenceInvalid,
} from '../image/reference.ts';
import { IMAGE_GROUP } from '../images/image.ts';
import { nameOf } from '../objects/object.ts';
import { compareQuantities, parseQuantity, type Quantity, quantityOf, quantityText } from '../objects/quantity.ts';
import { quoted } from '../objects/quoting.ts';
import type { LimitRangeItem } from '../objects/restrictions.ts';
import type { ImageStream, ObjectReference } from './types.ts';

const IMAGE_TYPE = 'openshift.io/Image';
const STREAM_TYPE = 'openshift.io/ImageStream';
const STORAGE = 'storage';
const TAGS = 'openshift.io/image-tags';
const IMAGES = 'openshift.io/images';

/** What counts of a stream. */
export interface StreamUsage {
  /** Different images that tags of spec ask for. */
  readonly tags: ReadonlySet<string>;
  /** Different images that history holds. */
  readonly images: ReadonlySet<string>;
}

/** The usage of a stream; nothing of one that does not exist. */
export function usageOf(stream: ImageStream | undefined): StreamUsage {
  const tags = new Set<string>();
  const images = new Set<string>();
  for (const { from } of stream?.spec?.tags ?? []) {
    const key = from && usageKey(stream?.metadata.namespace ?? '', from);
    if (key !== undefined) tags.add(key);
  }
  for (const { items } of stream?.status?.tags ?? []) {
    for (const { image } of items ?? []) if (image) images.add(image);
  }
  return { tags, images };
}

/** What two tags have in common that ask for the same image; undefined for what names none, which does not count. */
export function usageKey(namespace: string, from: ObjectReference): string | undefined {
  const name = from.name ?? '';
  switch (from.kind) {
    case 'DockerImage':
    case 'ImageStreamImage':
      return referenceKey(from.namespace || namespace, from.kind, name);
    case 'ImageStreamTag': {
      const [stream, tag, ...more] = name.split(':');
      if (!stream || !tag || more.length > 0 || name.includes('@')) return undefined;
      const where = from.namespace || namespace;
      return where === '' ? name : `${where}/${name}`;
    }
    default:
      return undefined;
  }
}

function referenceKey(namespace: string, kind: string, text: string): string | undefined {
  try {
    const reference = parseReference(text);
    if (kind === 'DockerImage') return formatReference(daemonMinimal(dockerClientDefaults(reference)));
    if (reference.id === '') return undefined;
    return formatReference(daemonMinimal({ ...reference, namespace: reference.namespace || namespace }));
  } catch (error) {
    if (error instanceof ReferenceInvalid) return undefined;
    throw error;
  }
}

/** Whether anything limits streams. */
export function limitsStreams(limits: readonly LimitRangeItem[]): boolean {
  return limits.some(({ type }) => type === STREAM_TYPE);
}

/**
 * Why a stream may not become what it is to be; undefined if it may. What is beyond a limit already may stay and shrink;
 * it may neither grow nor be replaced.
 */
export function streamExcess(
  limits: readonly LimitRangeItem[],
  old: ImageStream | undefined,
  next: ImageStream,
): string | undefined {
  if (!limitsStreams(limits)) return undefined;
  const usage = usageOf(next);
  const before = usageOf(old);
  if (usage.tags.isSubsetOf(before.tags) && usage.images.isSubsetOf(before.images)) return undefined;
  const excesses = [
    excess(STREAM_TYPE, TAGS, quantityOf(usage.tags.size), least(limits, TAGS)),
    excess(STREAM_TYPE, IMAGES, quantityOf(usage.images.size), least(limits, IMAGES)),
  ].filter((text) => text !== undefined);
  if (excesses.length === 0) return undefined;
  const texts = excesses.length === 1 ? excesses[0] : `[${excesses.join(', ')}]`;
  return `ImageStream.${IMAGE_GROUP} ${quoted(nameOf(next))} is forbidden: ${texts}`;
}

/** Whether a text is one that `streamExcess` gives. */
export function isStreamExcess(text: string): boolean {
  return text.includes('exceeds the maximum limit');
}

/** Of the maxima of all LimitRanges the smallest. */
function least(limits: readonly LimitRangeItem[], name: string): Quantity | undefined {
  let smallest: Quantity | undefined;
  for (const { type, max } of limits) {
    const text = type === STREAM_TYPE ? max?.[name] : undefined;
    const most = text === undefined ? undefined : parseQuantity(text);
    if (most && (!smallest || compareQuantities(most, smallest) < 0)) smallest = most;
  }
  return smallest;
}

function excess(type: string, name: string, used: Quantity, most: Quantity | undefined): string | undefined {
  if (!most || compareQuantities(used, most) <= 0) return undefined;
  const numbers = `${quantityText(used)} > ${quantityText(most)}`;
  return `requested usage of ${name} exceeds the maximum limit per ${type} (${numbers})`;
}

/** Whether anything limits single images. */
export function limitsImages(limits: readonly LimitRangeItem[]): boolean {
  return limits.some(({ type }) => type === IMAGE_TYPE);
}

/** Why an image of so many bytes may not come in; undefined if it may. */
export function imageExcess(limits: readonly LimitRangeItem[], bytes: number): string | undefined {
  for (const { type, max } of limits) {
    const most = type === IMAGE_TYPE ? max?.[STORAGE] : undefined;
    if (most === undefined) continue;
    const size: Quantity = { ...quantityOf(bytes), format: 'binary' };
    const text = excess(IMAGE_TYPE, STORAGE, size, parseQuantity(most));
    if (text !== undefined) return text;
  }
  return undefined;
}
