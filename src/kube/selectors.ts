/** What a list, a watch or a deletecollection is about: label and field selectors together. */

import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { type FieldSelector, parseFieldSelector } from './fieldselector.ts';
import { type LabelSelector, type Labels, parseLabelSelector } from './labelselector.ts';
import type { ListOptions } from './options.ts';

/** Which objects are asked for. Each step needs more of the object than the one before. */
export interface Selection {
  readonly labels: LabelSelector | undefined;
  readonly fields: FieldSelector | undefined;
  /** Whether everything is selected, so that nothing needs to be looked at. */
  readonly all: boolean;
  /** The only name that can match, if one is asked for. */
  readonly name: string | undefined;
  /** What the objects must be beside. */
  readonly includes?: (object: KubeObject) => boolean;
}

/**
 * @throws {DomainError} BadRequest if a selector cannot be read or names a field that the resource does not offer.
 */
export function selectionOf(
  resource: Resource,
  options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>,
): Selection {
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, resource);
  return { labels, fields, all: !labels && !fields, name: fields?.name };
}

/** Whether an object that is at hand is selected. */
export function selects(selection: Selection, object: KubeObject): boolean {
  if (selection.all) return true;
  const { name = '', namespace = '', labels } = object.metadata;
  return (
    selectsName(selection, namespace, name) && selectsLabels(selection, labels) && selectsFields(selection, object)
  );
}

export function selectsName({ fields }: Selection, namespace: string, name: string): boolean {
  return fields === undefined || fields.matchesName(namespace, name);
}

export function selectsLabels({ labels }: Selection, of: Labels): boolean {
  return labels === undefined || labels.matches(of);
}

function selectsFields({ fields }: Selection, object: KubeObject): boolean {
  return fields?.matchesObject === undefined || fields.matchesObject(object);
}

/** The selection with a further condition. */
export function narrowed(selection: Selection, includes: (object: KubeObject) => boolean): Selection {
  return { ...selection, all: false, includes };
}
