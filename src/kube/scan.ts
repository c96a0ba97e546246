/** Kept objects that a selection takes, page by page, all of one snapshot. */
import { LIST_PAGE_OBJECTS, LIST_READ_BYTES } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { type KeptPage, pageKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { type KeptObject, keyOf, nameOfKey, parsed } from '../objects/values.ts';
import type { Freshness } from '../store/store.ts';
import type { Labels } from './labelselector.ts';
import { labelsOf } from './metadatabytes.ts';
import { type Selection, selectsLabels, selectsName } from './selectors.ts';

export interface ScanOptions {
  readonly fresh: Freshness;
  /** The store key after which to begin. */
  readonly after?: string;
  /** How many objects are wanted at most; more may come, since a page is not cut. 0 for all. */
  readonly limit: number;
}

export interface ScanPage extends Omit<KeptPage, 'objects'> {
  /** Those of the page that are selected. */
  readonly selected: readonly KeptObject[];
  /** All objects of the page. */
  readonly seen: readonly KeptObject[];
}

/** At least one page. Throws as `Store.list`. */
export async function* scan(
  services: Pick<Services, 'store' | 'settings'>,
  resource: Resource,
  namespace: string,
  selection: Selection,
  options: ScanOptions,
): AsyncGenerator<ScanPage, void, undefined> {
  const { store, settings } = services;
  const single = selection.name !== undefined && (namespace !== '' || !resource.namespaced);
  const count = options.limit > 0 && selection.all;
  let { fresh } = options;
  let after = single ? later(before(keyOf(resource, namespace, selection.name ?? '')), options.after) : options.after;
  let size = single ? 1 : LIST_PAGE_OBJECTS;
  let left = options.limit;
  for (;;) {
    const limit = selection.all && left > 0 ? Math.min(size, left) : size;
    const page = await pageKept(store, resource, namespace, {
      fresh,
      limit,
      count,
      ...(after !== undefined && { after }),
    });
    const selected = selection.all
      ? page.objects
      : page.objects.filter((kept) => isSelected(resource, settings, selection, kept));
    const { revision, remaining } = page;
    const next = single ? undefined : page.next;
    yield { selected, seen: page.objects, revision, remaining, next };
    if (next === undefined) return;
    after = next;
    fresh = { exactly: revision };
    left -= page.objects.length;
    size = sizeAfter(page.objects);
  }
}

/** Fewer at a time where objects are large, so that a page stays about as large as one of small objects. */
function sizeAfter(objects: readonly KeptObject[]): number {
  const bytes = objects.reduce((sum, kept) => sum + bytesOf(kept), 0);
  const average = bytes / Math.max(1, objects.length);
  return Math.max(1, Math.min(LIST_PAGE_OBJECTS, Math.floor(LIST_READ_BYTES / Math.max(1, average))));
}

/** Bytes of an object as it is kept. */
export function bytesOf({ head, parts }: KeptObject): number {
  return parts.reduce((sum, { value }) => sum + value.length, head.value.length);
}

/** A text that comes before the key and after every key that does and can be one of an object. */
function before(key: string): string {
  const last = key.codePointAt(key.length - 1) ?? 1;
  return `${key.slice(0, -1)}${String.fromCodePoint(last - 1)}\u{10ffff}`;
}

/** Both are bounds of the same list; keys of this kind compare the same in UTF-16 as in UTF-8. */
function later(bound: string, other: string | undefined): string {
  return other !== undefined && other > bound ? other : bound;
}

/**
 * Whether a kept object is selected; looks no further into it than the selection asks. `labels` reads them out of a
 * value, for callers that remember them.
 */
export function isSelected(
  resource: Resource,
  settings: Services['settings'],
  selection: Selection,
  kept: KeptObject,
  labels: (value: Buffer) => Labels = labelsOf,
): boolean {
  if (selection.fields) {
    const { namespace, name } = nameOfKey(resource, kept.head.key);
    if (!selectsName(selection, namespace, name)) return false;
  }
  if (selection.labels && !selectsLabels(selection, labels(kept.head.value))) return false;
  const matches = selection.fields?.matchesObject;
  if (!matches && !selection.includes) return true;
  const object = parsed(resource, settings, kept);
  return (matches?.(object) ?? true) && (selection.includes?.(object) ?? true);
}
