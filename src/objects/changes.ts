/** The store's changes that a write of a kept object comes to. */
import type { Change, Entry } from '../store/store.ts';
import { canonical } from './canonical.ts';
import { chargeChanges } from './charges.ts';
import type { Context } from './context.ts';
import { type KubeObject, nameOf } from './object.ts';
import { leavingChanges, ownerChanges } from './owners.ts';
import type { Resource } from './resource.ts';
import { type KeptObject, keptOf, keyOf, toValue, whole } from './values.ts';

/** The object as Go would print it: members in order, what is unknown or empty left out. */
export function canonicalOf<T extends KubeObject>(resource: Resource<T>, object: T): T {
  return canonical(resource.schema, object).value as unknown as T;
}

/** The puts and deletes that make what is kept equal to the object; none if it is already. */
export function puts<T extends KubeObject>(
  resource: Resource<T>,
  namespace: string,
  object: T,
  current: KeptObject | undefined,
): Change[] {
  const key = keyOf(resource, namespace, nameOf(object));
  const { composition, form } = keptOf(resource);
  const { head, parts } = composition ? composition.split(object) : { head: object, parts: new Map<string, string>() };
  const old = new Map(current?.parts.map((part) => [part.key, part]));
  const changes: Change[] = [];
  for (const [name, json] of parts) {
    const value = Buffer.from(json);
    if (!old.get(key + name)?.value.equals(value)) changes.push({ op: 'put', key: key + name, value });
    old.delete(key + name);
  }
  for (const gone of old.keys()) changes.push({ op: 'delete', key: gone });
  const value = toValue(form ? form.toKept(object) : head);
  if (current && changes.length === 0 && current.head.value.equals(value)) return [];
  return [{ op: 'put', key, value, expect: current?.head.revision ?? 0 }, ...changes];
}

/** The object as it would be read at that revision. */
export function keptAs<T extends KubeObject>(
  resource: Resource<T>,
  namespace: string,
  object: T,
  revision: number,
): KeptObject {
  const key = keyOf(resource, namespace, nameOf(object));
  const entry = (entryKey: string, value: Buffer): Entry => ({ key: entryKey, value, revision, created: revision });
  const { composition, form } = keptOf(resource);
  if (!composition) return whole(entry(key, toValue(form ? form.toKept(object) : object)));
  const { head, parts } = composition.split(object);
  return {
    head: entry(key, toValue(head)),
    parts: [...parts].map(([name, json]) => entry(key + name, Buffer.from(json))),
  };
}

/** The changes that remove an object with all that belongs to it. */
export async function removal<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  current: KeptObject,
  old: T,
): Promise<Change[]> {
  const kept = keptOf(resource);
  const { key, revision } = current.head;
  const alongside = [
    ...((await kept.alongside?.(ctx, undefined, old)) ?? []),
    ...ownerChanges(key, undefined, old),
    ...(await leavingChanges(ctx.store, kept, namespace, old)),
  ];
  if (resource.namespaced) {
    alongside.push(...(await chargeChanges(ctx, resource, { namespace, name: nameOf(old), own: key }, -1)));
  }
  if (current.parts.length === 0) return [{ op: 'delete', key, expect: revision }, ...alongside];
  const range: Change = {
    op: 'deletePrefix',
    prefix: resource.namespaced ? keyOf(resource, namespace, nameOf(old)) : key,
  };
  return [{ op: 'check', key, expect: revision }, range, ...alongside];
}
