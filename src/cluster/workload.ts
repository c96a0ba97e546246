/** Workloads: kept as they are given, for whoever runs them. Nothing here starts a pod. */

import { type FieldError, fixedErrors, invalidValue, required } from '../objects/errors.ts';
import { componentOf, schemaOfMessage } from '../objects/messages/schema.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain, type NameRule } from '../objects/names.ts';
import type { KubeObject, ObjectMeta } from '../objects/object.ts';
import type { Kept, Resource, Subresource, TableColumn, TableColumns, Verb } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { lookUpImages } from './podimages.ts';

export interface Container {
  name?: string;
  image?: string;
}

export interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  serviceAccountName?: string;
  nodeName?: string;
}

export interface PodTemplate {
  metadata?: Pick<ObjectMeta, 'annotations' | 'labels'>;
  spec?: PodSpec;
}

/** What most workloads say. */
export interface WorkloadSpec {
  replicas?: number;
  selector?: { matchLabels?: Record<string, string> };
  template?: PodTemplate;
}

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** What a kind says of itself. */
export interface WorkloadFacts<T extends KubeObject> {
  readonly group: string;
  /** `v1` if it is not given. */
  readonly version?: string;
  readonly kind: string;
  /** The message that its schema is made of, if that has another name than the kind. */
  readonly message?: string;
  readonly resource: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Whether its objects are in namespaces (default true). */
  readonly namespaced?: boolean;
  readonly description: string;
  readonly table: TableColumns<T>;
  readonly fields?: Resource<T>['fields'];
  /** Whether changes of the spec are counted. */
  readonly generation: boolean;
  readonly validateName?: NameRule;
  /** Members that stay what they are. */
  readonly fixed?: readonly (keyof T & string)[];
  /** What is wrong beside the metadata. */
  validate?(object: T, old: T | undefined): readonly FieldError[];
  /** What a new object begins with, in place. */
  prepare?(object: T): void;
  /** The pods that it is, or makes itself: their images are looked up in the streams of the namespace. */
  pods?(object: T): PodTemplate | undefined;
  readonly subresources?: Resource<T>['subresources'];
  /** Whether there is a status of its own (default true). */
  readonly status?: boolean;
  /** Whether who makes it says at once how it is (default false). */
  readonly statusAtOnce?: boolean;
}

type WithStatus = KubeObject & { status?: unknown; spec?: unknown };

/** The resource of a kind whose schema is that of its protobuf message. */
export function workload<T extends KubeObject>(facts: WorkloadFacts<T>): Resource<T> {
  const { group, version = 'v1', kind, message = kind, resource, shortNames, categories, table, fields } = facts;
  const { namespaced = true, status = true, subresources = [] } = facts;
  const kept: Kept<T> = {
    prefix: `/${resource}/`,
    unconditionalUpdate: true,
    generation: facts.generation,
    prepareCreate(ctx, object: T & WithStatus) {
      if (status && !facts.statusAtOnce) delete object.status;
      facts.prepare?.(object);
      return facts.pods && lookUpImages(ctx, object.metadata, facts.pods(object));
    },
    prepareUpdate(_ctx, object: T & WithStatus, old: T & WithStatus) {
      if (!status) return;
      if (old.status === undefined) delete object.status;
      else object.status = old.status;
    },
    validate: (_ctx, object, old) => [
      ...(facts.fixed ?? []).flatMap((member) => fixedErrors(member, object[member], old && { was: old[member] })),
      ...(facts.validate?.(object, old) ?? []),
    ],
    validateName: facts.validateName ?? dnsSubdomain,
  };
  return {
    group,
    version,
    kind,
    resource,
    singular: kind.toLowerCase(),
    ...(shortNames && { shortNames }),
    ...(categories && { categories }),
    namespaced,
    verbs: ALL_VERBS,
    schema: kindSchema(message, facts.description),
    table,
    ...(fields && { fields }),
    ...(status && { untouched: ['status'] }),
    kept,
    subresources: [
      ...subresources,
      ...(status ? [{ name: 'status', kind, verbs: STATUS_VERBS, status: statusRules<T>(), untouched: ['spec'] }] : []),
    ],
  };
}

const STATUS_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

/** Only the status, annotations and the like may change. */
function statusRules<T extends KubeObject>(): NonNullable<Subresource<T>['status']> {
  return {
    prepareUpdate(_ctx, object: T & WithStatus, old: T & WithStatus) {
      if (old.spec === undefined) delete object.spec;
      else object.spec = old.spec;
      if (old.metadata.labels) object.metadata.labels = old.metadata.labels;
      else delete object.metadata.labels;
    },
    validate: () => [],
  };
}

/** The message's schema as that of a kind. Its members are worked out when they are first asked for: no start needs them. */
export function kindSchema(message: string, description: string): ObjectSchema {
  let properties: ObjectSchema['properties'] | undefined;
  return {
    type: 'object',
    component: componentOf(message),
    description,
    get properties() {
      properties ??= propertiesOf(message);
      return properties;
    },
  };
}

function propertiesOf(message: string): ObjectSchema['properties'] {
  const { metadata: _metadata, ...members } = schemaOfMessage(message).properties;
  return { ...typeMeta, metadata: { ...objectMeta, description: 'Name, labels and annotations.' }, ...members };
}

/** What is wrong with the containers of a pod: they have names, each its own, and images. */
export function podErrors(spec: PodSpec | undefined, field: string): FieldError[] {
  const containers = spec?.containers ?? [];
  if (containers.length === 0) return [required(`${field}.containers`)];
  return [
    ...containerErrors(spec?.initContainers ?? [], `${field}.initContainers`),
    ...containerErrors(containers, `${field}.containers`),
  ];
}

function containerErrors(containers: readonly Container[], field: string): FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap(({ name = '', image = '' }, index) => {
    const path = `${field}[${index}]`;
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${path}.name`));
    else if (seen.has(name)) errors.push({ type: 'Duplicate', field: `${path}.name`, value: name, detail: '' });
    if (image === '') errors.push(required(`${path}.image`));
    seen.add(name);
    return errors;
  });
}

/** What is wrong with the selector and the pods of a workload. */
export function workloadErrors(spec: WorkloadSpec | undefined, old: WorkloadSpec | undefined): FieldError[] {
  return [...selectorErrors(spec, old), ...podErrors(spec?.template?.spec, 'spec.template.spec')];
}

/** A selector must select the pods of its own template, and stays what it is. */
function selectorErrors(spec: WorkloadSpec | undefined, old: WorkloadSpec | undefined): FieldError[] {
  const { selector, template } = spec ?? {};
  if (!selector) return [required('spec.selector')];
  const labels = template?.metadata?.labels ?? {};
  const errors: FieldError[] = [];
  const unmet = Object.entries(selector.matchLabels ?? {}).some(([key, value]) => labels[key] !== value);
  if (unmet) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalidValue('spec.template.metadata.labels', labels, detail));
  }
  return [...errors, ...fixedErrors('spec.selector', selector, old && { was: old.selector })];
}

/** Columns that `-o wide` adds. */
export const containerColumns: readonly TableColumn[] = [
  { name: 'Containers', type: 'string', priority: 1, description: 'The names of the containers.' },
  { name: 'Images', type: 'string', priority: 1, description: 'Their images.' },
];
export const selectorColumn: TableColumn = {
  name: 'Selector',
  type: 'string',
  priority: 1,
  description: 'The labels of the pods that are meant.',
};

/** The cells of containerColumns. */
export function containerCells(template: PodTemplate | undefined): string[] {
  const containers = template?.spec?.containers ?? [];
  return [containers.map(({ name }) => name ?? '').join(','), containers.map(({ image }) => image ?? '').join(',')];
}

/** Labels as a selector: `a=b,c=d`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
