/** The resource `poddisruptionbudgets`, kept for whoever moves pods away. */
import { invalidValue } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { workload } from './workload.ts';

export interface PodDisruptionBudget extends KubeObject {
  spec?: { minAvailable?: number | string; maxUnavailable?: number | string };
  status?: { disruptionsAllowed?: number };
}

export const podDisruptionBudgets: Resource<PodDisruptionBudget> = workload({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  resource: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  description: 'How many pods of a workload must stay when some are moved.',
  generation: true,
  table: {
    columns: [
      nameColumn,
      { name: 'Min Available', type: 'string', description: 'How many must stay.' },
      { name: 'Max Unavailable', type: 'string', description: 'How many may go.' },
      { name: 'Allowed Disruptions', type: 'integer', description: 'How many may go at present.' },
      ageColumn,
    ],
    cells: (budget, now) => [
      nameOf(budget),
      String(budget.spec?.minAvailable ?? 'N/A'),
      String(budget.spec?.maxUnavailable ?? 'N/A'),
      budget.status?.disruptionsAllowed ?? 0,
      ageOf(budget, now),
    ],
  },
  validate({ spec }) {
    if (spec?.minAvailable === undefined || spec.maxUnavailable === undefined) return [];
    return [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')];
  },
});
