/** Objects live in namespaces that exist and are not being deleted. */
import type { Change, Store } from '../store/store.ts';
import { DomainError, type GroupResource } from './errors.ts';

export const NAMESPACES: GroupResource = { group: '', resource: 'namespaces' };
/** Where Namespace objects are kept. */
export const NAMESPACE_PREFIX = '/namespaces/';

/**
 * A check that belongs into the commit of whatever is created in a namespace, so that nothing is created in one that
 * goes away at the same moment.
 * @throws {DomainError} NotFound if there is no such namespace; Forbidden (NamespaceTerminating) if it is being deleted.
 */
export async function namespaceCheck(
  store: Store,
  namespace: string,
  resource: GroupResource,
  name: string,
): Promise<Change> {
  const entry = await store.get(NAMESPACE_PREFIX + namespace);
  if (!entry) {
    // OpenShift's API server asks another server for the namespace, and hands on only its words.
    const bare = resource.group.endsWith('.openshift.io');
    throw new DomainError({ reason: 'NotFound', resource: NAMESPACES, name: namespace, ...(bare && { bare }) });
  }
  if (entry.value.includes('"phase":"Terminating"')) {
    throw new DomainError({
      reason: 'Forbidden',
      resource: { group: resource.group, resource: resource.resource },
      name,
      message: `unable to create new content in namespace ${namespace} because it is being terminated`,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    });
  }
  return { op: 'check', key: entry.key, expect: entry.revision };
}
