/** What is wrong with a ResourceQuota, in the words of Kubernetes (pkg/apis/core/validation). Pure. */
import type { ResourceList, ResourceQuota } from '../objects/charges.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { amountErrors, isQuotaName, quotaNameErrors } from './resourcenames.ts';

type Spec = NonNullable<ResourceQuota['spec']>;
type Requirement = NonNullable<NonNullable<Spec['scopeSelector']>['matchExpressions']>[number];

/** Errors of a quota's spec; scopes cannot be changed. */
export function validateQuota({ spec = {} }: ResourceQuota, old: ResourceQuota | undefined): FieldError[] {
  const errors = [...validateAmounts(spec.hard, 'spec.hard'), ...scopeErrors(spec), ...selectorErrors(spec)];
  const before = new Set(old?.spec?.scopes);
  if (old && before.symmetricDifference(new Set(spec.scopes)).size > 0) {
    errors.push(invalidValue('spec.scopes', spec.scopes ?? null, 'field is immutable'));
  }
  return errors;
}

/** Errors of amounts by name: a spec's, or a status'. */
export function validateAmounts(list: ResourceList | undefined, path: string): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, amount]) => [
    ...quotaNameErrors(name, `${path}[${name}]`),
    ...amountErrors(name, amount, `${path}[${name}]`),
  ]);
}

const OF_PODS: ReadonlySet<string> = new Set([
  'pods',
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]);
const ONLY_PODS: ReadonlySet<string> = new Set(['pods']);
const OF_CLAIMS: ReadonlySet<string> = new Set(['persistentvolumeclaims', 'requests.storage']);

/** What a quota with a scope can limit. */
const SCOPES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['Terminating', OF_PODS],
  ['NotTerminating', OF_PODS],
  ['BestEffort', ONLY_PODS],
  ['NotBestEffort', OF_PODS],
  ['PriorityClass', OF_PODS],
  ['CrossNamespacePodAffinity', OF_PODS],
  ['VolumeAttributesClass', OF_CLAIMS],
]);
/** Those that are there or not, and have no values. */
const PLAIN_SCOPES: ReadonlySet<string> = new Set([
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'CrossNamespacePodAffinity',
]);

/** Names that a scope cannot go with, in the order of the alphabet. */
function unfit({ hard }: Spec, scope: string): string[] {
  const names = Object.keys(hard ?? {}).filter((name) => isQuotaName(name));
  const fit = SCOPES.get(scope);
  return fit ? names.filter((name) => !fit.has(name)).sort() : [];
}

function hasConflict(scopes: ReadonlySet<string>): boolean[] {
  return [
    scopes.has('BestEffort') && scopes.has('NotBestEffort'),
    scopes.has('Terminating') && scopes.has('NotTerminating'),
  ].filter(Boolean);
}

function scopeErrors(spec: Spec): FieldError[] {
  const scopes = spec.scopes ?? [];
  const wrong = (detail: string): FieldError => invalidValue('spec.scopes', scopes, detail);
  const errors: FieldError[] = [];
  for (const scope of scopes) {
    if (!SCOPES.has(scope)) errors.push(wrong('unsupported scope'));
    for (const _ of unfit(spec, scope)) errors.push(wrong('unsupported scope applied to resource'));
  }
  return [...errors, ...hasConflict(new Set(scopes)).map(() => wrong('conflicting scopes'))];
}

function selectorErrors(spec: Spec): FieldError[] {
  const path = 'spec.scopeSelector.matchExpressions';
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  const errors: FieldError[] = [];
  for (const requirement of requirements) {
    const { scopeName, operator } = requirement;
    if (!SCOPES.has(scopeName)) errors.push(invalidValue(`${path}.scopeName`, scopeName, 'unsupported scope'));
    for (const _ of unfit(spec, scopeName)) {
      errors.push(invalidValue(path, spec.scopeSelector, 'unsupported scope applied to resource'));
    }
    if (PLAIN_SCOPES.has(scopeName) && operator !== 'Exists') {
      const detail =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      errors.push(invalidValue(`${path}.operator`, operator, detail));
    }
    errors.push(...valueErrors(requirement, path));
  }
  const scopes = new Set(requirements.map(({ scopeName }) => scopeName));
  const conflicts = hasConflict(scopes).map(() => invalidValue(path, spec.scopes ?? null, 'conflicting scopes'));
  return [...errors, ...conflicts];
}

function valueErrors({ operator, values = [] }: Requirement, path: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn': {
      if (values.length > 0) return [];
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      return [required(`${path}.values`, detail)];
    }
    case 'Exists':
    case 'DoesNotExist': {
      if (values.length === 0) return [];
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      return [invalidValue(`${path}.values`, values, detail)];
    }
    default:
      return [invalidValue(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}
