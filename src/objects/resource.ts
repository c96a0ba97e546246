/**
 * A resource is one value: discovery, OpenAPI, routes, authorization attributes, tables, patches, watches and tests all
 * come from it, so a resource cannot be half registered.
 */
import type { Awaitable, Change, Freshness, StoreEvent } from '../store/store.ts';
import type { Context, Settings } from './context.ts';
import type { FieldError } from './errors.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import type { ObjectSchema } from './schema.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface Resource<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The plural; it stands in URLs. Named so that a Resource is a GroupResource. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** Set if an object stands for the namespace of its name: rights to it are rights in that namespace. */
  readonly namesNamespaces?: boolean;
  /** The verbs that work, in alphabetical order; each has its function or `kept`. */
  readonly verbs: readonly Verb[];
  readonly schema: ObjectSchema;
  readonly table: TableColumns<T>;
  /**
   * What decoding makes of an object beyond its schema, in place: defaults, OpenShift's conversions. It happens before it
   * is seen who manages which fields.
   */
  normalise?(object: T): void;
  /** Fields (`status`) that writes of the object leave as they are, so that the writer does not manage them. */
  readonly untouched?: readonly string[];
  /** Fields beside metadata.name and metadata.namespace that fieldSelector may name. */
  readonly fields?: Readonly<Record<string, FieldReader<T>>>;
  /** Set for objects that are stored as such: the edge reads, writes and watches them. */
  readonly kept?: Kept<T>;
  /** Set for objects that are computed: what the edge calls instead. */
  readonly computed?: Computed<T>;
  /** Set for computed objects that can be watched. */
  readonly watched?: Watched<T>;
  readonly subresources?: readonly Subresource<T>[];
}

/** How objects are watched that are those of another resource, as far as the watcher may see them. */
export interface Watched<T extends KubeObject> {
  /** The same resource, kept in the form of the other. Not namespaced. */
  readonly as: Resource<T>;
  /** Whether the caller sees the object of that name. */
  sees(ctx: Context, name: string): Awaitable<boolean>;
  /** The prefix of keys that decide who sees what. */
  readonly rights: string;
  /** The object that the caller may have seen until this change of rights; undefined if there is none. */
  saw?(ctx: Context, event: StoreEvent): string | undefined;
}

/** Reads a field as text. Written as a method so that a resource of any kind is a Resource (methods are bivariant). */
export type FieldReader<T> = { read(object: T): string }['read'];

/** Columns of a table and how a row is made. Pure: the clock is passed in. */
export interface TableColumns<T> {
  readonly columns: readonly TableColumn[];
  /** Cells in the order of the columns. Ages are computed against `now`. */
  cells(object: T, now: Date): readonly (string | number | boolean | null)[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 0 is always shown, 1 only with `-o wide`. */
  readonly priority?: number;
}

/** How objects of a resource are kept in the store, and the rules for writing them. */
export interface Kept<T extends KubeObject> {
  /** `/imagestreams/`: keys are `<prefix><namespace>/<name>` or `<prefix><name>`. */
  readonly prefix: string;
  /** Set if the objects are those of another resource, kept in its form. */
  readonly form?: KeptForm<T>;
  /** Set if an object is kept in more than one key. */
  readonly composition?: Composition<T>;
  /** What the metadata of a watch's bookmarks holds beside the version. */
  readonly bookmark?: Pick<ObjectMeta, 'namespace'>;
  /** Whether a PUT without resourceVersion overwrites whatever is there. */
  readonly unconditionalUpdate: boolean;
  /** Whether changes of spec raise metadata.generation (which starts at 1); false: no generation is kept. */
  readonly generation: boolean;
  /** Sets what the server owns in a new object, in place; what the client gave there is overwritten. */
  prepareCreate?(ctx: Context, object: T): Awaitable<void>;
  /** The same for an update; `old` is what is stored. */
  prepareUpdate?(ctx: Context, object: T, old: T): Awaitable<void>;
  /** What is wrong with an object; metadata is checked elsewhere. `old` is undefined for a create. */
  validate(ctx: Context, object: T, old: T | undefined): Awaitable<readonly FieldError[]>;
  /** Why a name is refused (the detail of `metadata.name: Invalid value`); undefined if it is fine. */
  validateName(name: string): string | undefined;
  /** Why an object may not be deleted (403); undefined if it may. */
  undeletable?(object: T): string | undefined;
  /**
   * If set, a deletion first marks the object (deletionTimestamp, and what this changes in place); whoever then clears
   * what depends on it removes it for good.
   */
  terminate?(object: T): void;
  /**
   * What a deletion that names no policy does to the objects that this one owns: `delete` (if this is not given),
   * `orphan`, or `ignore` them, whatever is asked for.
   */
  readonly dependents?: 'delete' | 'orphan' | 'ignore';
  /** Whether what is wrong with metadata that is changed is told twice, as OpenShift does. */
  readonly repeatsMetadataErrors?: boolean;
  /**
   * An object that is made up for whoever asks for this name (`users/~`); undefined if it is a name like others. Throws
   * DomainError for a name that no object can have.
   */
  virtual?(ctx: Context, name: string): Awaitable<T | undefined>;
  /** Whether a PUT of an object that is not there makes it. */
  readonly createOnUpdate?: boolean;
  /**
   * Changes that belong into the same commit as the object itself (records, links, checks). `object` is undefined for a
   * deletion, `old` for a creation. Called again on every try.
   */
  alongside?(ctx: Context, object: T | undefined, old: T | undefined): Awaitable<readonly Change[]>;
}

/** From the form in which objects are kept and back. Metadata is the same in both. */
export interface KeptForm<T extends KubeObject> {
  toKept(object: T): KubeObject;
  fromKept(object: KubeObject): T;
}

/**
 * An object in several keys: the head at `<prefix><namespace>/<name>#`, a part at `<head><part name>`. Every write of a
 * part writes the head too, so the head's revision is the object's, and a watch of heads misses nothing. `#` sorts
 * before every character of a name, so one range holds an object and lists stay in the order of names.
 */
export interface Composition<T> {
  /** The object as its head (kept and served first) and its parts by name, each the JSON that is served. */
  split(object: T): { readonly head: KubeObject; readonly parts: ReadonlyMap<string, string> };
  /** What follows the head's own members when it is served: begins with a comma, ends before the last brace. */
  tail(namespace: string, name: string, parts: readonly Buffer[], settings: Settings): string | Buffer;
}

/** A computed resource's verbs. Each throws DomainError. */
export interface Computed<T extends KubeObject> {
  /** The object; `served`, where it is at hand, is the JSON as it goes over the wire. */
  get?(ctx: Context, namespace: string, name: string): Awaitable<Answer<T>>;
  list?(ctx: Context, namespace: string | undefined, options: ComputedListOptions): Awaitable<readonly T[]>;
  /** What a list is answered with where there is nothing to list: `Status` Success, unless it throws. */
  inquire?(ctx: Context): Awaitable<void>;
  create?(ctx: Context, namespace: string, object: T): Awaitable<T | StatusAnswer>;
  /** `created` tells whether the object did not exist (201). */
  update?(ctx: Context, namespace: string, name: string, object: T): Awaitable<{ object: T; created: boolean }>;
  /** What a PATCH is applied to, if that is not what `get` gives. */
  patchBase?(ctx: Context, namespace: string, name: string): Awaitable<T>;
  delete?(ctx: Context, namespace: string, name: string, options: DeleteOptions): Awaitable<void>;
}

export interface Answer<T> {
  readonly object: () => T;
  readonly served?: Buffer;
}

/** Answered instead of an object: `Status` Success. */
export interface StatusAnswer {
  readonly status: 'Success';
}

/** Selectors as predicates, so that a computed list can spare work. */
export interface ComputedListOptions {
  readonly matchesLabels: (labels: Readonly<Record<string, string>> | undefined) => boolean;
  /** Whether the field selector's metadata.namespace and metadata.name allow an object of these. */
  readonly matchesName: (namespace: string, name: string) => boolean;
  /** Which snapshot is meant; the latest by default. */
  readonly fresh?: Freshness;
}

export interface DeleteOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

/** `imagestreams/status` and the like. */
export interface Subresource<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly kind: string;
  /** Group and version of the kind, if they are not the resource's. */
  readonly api?: { readonly group: string; readonly version: string };
  readonly verbs: readonly Verb[];
  /** The schema of what it answers, if it is another kind than the resource's. */
  readonly schema?: ObjectSchema;
  /** Whether there are no Tables of it: whoever takes nothing else is refused. */
  readonly tableless?: boolean;
  /** `status`: a view on the kept object with rules of its own for updates. */
  readonly status?: Pick<Kept<T>, 'prepareUpdate' | 'validate'>;
  /** As the resource's own, for writes through this. */
  readonly untouched?: readonly string[];
  /** Objects of another resource in the namespace, of which only some are shown; the name in the path is not looked at. */
  readonly lists?: { readonly resource: Resource; includes(object: KubeObject): boolean };
  /** Anything else that can be read. */
  get?(ctx: Context, namespace: string, name: string): Awaitable<Answer<KubeObject>>;
  /** Set for what is read and written as an object of a kind of its own: the computed resource that does it. */
  readonly as?: Resource;
  /** What is made of an object that is posted to it. */
  create?(ctx: Context, namespace: string, name: string, object: KubeObject): Awaitable<KubeObject>;
}
