/**
 * The schema of a resource: what its fields are called, what they hold, and how Go would print them. One value serves
 * OpenAPI and `kubectl explain`, the check of unknown fields and wrong types, pruning, the merge keys of patches.
 */

export type Schema = ObjectSchema | MapSchema | ArraySchema | ScalarSchema | AnySchema;

interface Described {
  /** For `kubectl explain`, in our own words. */
  readonly description?: string;
}

/** A Go struct. */
export interface ObjectSchema extends Described {
  readonly type: 'object';
  /** The component's name in OpenAPI, e.g. `com.github.openshift.api.image.v1.TagReference`; inlined without it. */
  readonly component?: string;
  /** In the order in which Go prints them. */
  readonly properties: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
  /**
   * Members as Go's conversions and defaults leave them, before they are looked at: what is only ever written becomes what
   * is kept, what follows from other members is filled in. Gets whatever the client gave, changes nothing of it, and gives
   * the same members if it has nothing to do; what is of a wrong type is left for the schema to refuse.
   */
  readonly convert?: (given: Members) => Members;
  /** For strategic merge patches: a patch says which members stay (`$retainKeys`). */
  readonly patchStrategy?: 'retainKeys';
  /** `x-kubernetes-list-type`, which Kubernetes says of the details of a Status, though they are no list (sic). */
  readonly listType?: 'atomic';
  /** `x-kubernetes-map-type` for server-side apply: with `atomic`, one manager owns all members together. */
  readonly mapType?: 'atomic';
}

/** An object whose members have not been looked at. */
export type Members = Readonly<Record<string, unknown>>;

/** A Go map[string]T. */
export interface MapSchema extends Described {
  readonly type: 'map';
  readonly values: Schema;
  /** As that of objects. */
  readonly mapType?: 'atomic';
}

export interface ArraySchema extends Described {
  readonly type: 'array';
  readonly items: Schema;
  /** `x-kubernetes-patch-strategy`/`-merge-key` for strategic merge patches. */
  readonly patchStrategy?: 'merge' | 'replace' | 'merge,retainKeys';
  readonly patchMergeKey?: string;
  /** `x-kubernetes-list-type`/`-list-map-keys` for server-side apply. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
}

export interface ScalarSchema extends Described {
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  /** `int32`, `int64`, `date-time`, `byte`, `int-or-string`, … */
  readonly format?: string;
  /** Stands for the value when the client gives none (applied on decode). */
  readonly default?: string | number | boolean;
}

/** Anything: Go's RawExtension and the like; kept as given. */
export interface AnySchema extends Described {
  readonly type: 'any';
  readonly component?: string;
  readonly patchStrategy?: 'replace';
}

/** A field of an object. */
export type Property = Schema & {
  /**
   * How an empty value is printed. `omit` (default for scalars, arrays, maps, any): left out when zero or empty, Go's omitempty.
   * `always`: printed even then ("" 0 false; null for arrays, maps and any). `struct` (default for objects): printed
   * even when absent, as `{}` with its own always-printed members. `pointer`: printed only if it is given. `null`: printed
   * as null when it is not.
   */
  readonly empty?: 'omit' | 'always' | 'struct' | 'pointer' | 'null';
};
