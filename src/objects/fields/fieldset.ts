/**
 * Sets of fields, as managedFields hold them (structured-merge-diff's FieldsV1). A path is a list of elements such as
 * `f:spec`, `k:{"name":"a"}` or `v:"x"`. Never changed once made.
 */
import { isJsonObject } from '../../image/json.ts';

interface Node {
  /** Whether the path to here is itself in the set. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, Node>;
}

export type FieldSet = Node;
export type FieldPath = readonly string[];

const NO_FIELDS: FieldSet = { member: false, children: new Map() };
const LEAF: Node = { member: true, children: new Map() };

export function isEmptySet(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** The set of some paths. */
export function fieldSet(paths: readonly FieldPath[]): FieldSet {
  interface Building {
    member: boolean;
    readonly children: Map<string, Building>;
  }
  const root: Building = { member: false, children: new Map() };
  for (const path of paths) {
    let node = root;
    for (const element of path) {
      let next = node.children.get(element);
      if (!next) {
        next = { member: false, children: new Map() };
        node.children.set(element, next);
      }
      node = next;
    }
    node.member = true;
  }
  return root;
}

function made(member: boolean, children: ReadonlyMap<string, Node>): Node {
  if (children.size === 0) return member ? LEAF : NO_FIELDS;
  return { member, children };
}

/** The paths of either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const children = new Map(a.children);
  for (const [element, node] of b.children) {
    const other = children.get(element);
    children.set(element, other ? union(other, node) : node);
  }
  return made(a.member || b.member, children);
}

/** The paths of both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, Node>();
  for (const [element, node] of a.children) {
    const other = b.children.get(element);
    const both = other ? intersection(node, other) : NO_FIELDS;
    if (!isEmptySet(both)) children.set(element, both);
  }
  return made(a.member && b.member, children);
}

/** The paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, Node>();
  for (const [element, node] of a.children) {
    const other = b.children.get(element);
    const rest = other ? difference(node, other) : node;
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return made(a.member && !b.member, children);
}

/** The paths of `a` that are neither members of `b` nor below one. */
export function outside(a: FieldSet, b: FieldSet): FieldSet {
  if (b.member) return NO_FIELDS;
  const children = new Map<string, Node>();
  for (const [element, node] of a.children) {
    const other = b.children.get(element);
    const rest = other ? outside(node, other) : node;
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return made(a.member, children);
}

/** Whether a path is in the set. */
export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let node: Node | undefined = set;
  for (const element of path) node = node?.children.get(element);
  return node?.member ?? false;
}

/** Every path of the set, in the order in which it is printed. */
export function pathsOf(set: FieldSet, before: FieldPath = []): FieldPath[] {
  const own = set.member && before.length > 0 ? [before] : [];
  const below = sorted(set.children).flatMap(([element, node]) => pathsOf(node, [...before, element]));
  return [...own, ...below];
}

function sorted(children: ReadonlyMap<string, Node>): [string, Node][] {
  return [...children].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The set as FieldsV1. */
export function toFieldsV1(set: FieldSet): Record<string, unknown> {
  const out: Record<string, unknown> = set.member && set.children.size > 0 ? { '.': {} } : {};
  for (const [element, node] of sorted(set.children)) out[element] = toFieldsV1(node);
  return out;
}

/** A set out of FieldsV1; undefined if it is none. */
export function fromFieldsV1(value: unknown): FieldSet | undefined {
  return isJsonObject(value) ? read(value, true) : undefined;
}

function read(value: Readonly<Record<string, unknown>>, root: boolean): Node | undefined {
  const children = new Map<string, Node>();
  let member = false;
  for (const [element, below] of Object.entries(value)) {
    if (!isJsonObject(below)) return undefined;
    if (element === '.') {
      member = true;
      continue;
    }
    if (!/^[fkvi]:/.test(element)) return undefined;
    const node = read(below, false);
    if (!node) return undefined;
    children.set(element, node);
  }
  // A field without anything below it stands for itself.
  return made(member || (!root && children.size === 0), children);
}

/** A path in words, as Kubernetes prints it in conflicts: `.spec.tags[name="a"].from`. */
export function pathText(path: FieldPath): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      if (element.startsWith('i:')) return `[${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
