/** All that is seeded but what belongs to single namespaces. Loaded only when it is needed: most starts find it done. */
import { hash } from 'node:crypto';
import type { ClusterRole } from '../access/role.ts';
import { namespaceBindings, seedClusterBindings, seedLocalBindings, seedLocalRoles } from './seedbindings.ts';
import { kubernetesRoles } from './seedroles.kubernetes.ts';
import { openshiftRoles } from './seedroles.openshift.ts';

export const seedClusterRoles: readonly ClusterRole[] = [...kubernetesRoles, ...openshiftRoles];

export { seedClusterBindings, seedLocalBindings, seedLocalRoles };

/** Changes with whatever is seeded. */
export function seedHash(): string {
  const all = [seedClusterRoles, seedClusterBindings, seedLocalRoles, seedLocalBindings, namespaceBindings('')];
  return hash('sha256', JSON.stringify(all)).slice(0, 16);
}
