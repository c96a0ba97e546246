/** Names of what can be limited (`cpu`, `pods`, `openshift.io/images`), and amounts of it: the rules of Kubernetes. */
import { type FieldError, invalidValue } from '../objects/errors.ts';
import { labelKey } from '../objects/names.ts';
import { isWhole, parseQuantity } from '../objects/quantity.ts';
import type { Property } from '../objects/schema.ts';

const CONTAINER_NAMES: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
/** Counted, so whole numbers. */
const COUNT_NAMES: ReadonlySet<string> = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const QUOTA_NAMES: ReadonlySet<string> = new Set([
  ...CONTAINER_NAMES,
  ...COUNT_NAMES,
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);
const HUGE_PAGES = 'hugepages-';
const REQUESTS = 'requests.';

/** The schema of amounts by name. */
export function amounts(description: string): Property {
  return { type: 'map', values: { type: 'string', format: 'quantity' }, description };
}

/** Whether a quota may name it without a prefix. */
export function isQuotaName(name: string): boolean {
  return QUOTA_NAMES.has(name) || name.startsWith(HUGE_PAGES) || name.startsWith(REQUESTS + HUGE_PAGES);
}

function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith(REQUESTS) && labelKey(REQUESTS + name).length === 0;
}

/** Whether more of it may be promised than there is: a default limit may then be larger than the default request. */
export function mayBeOvercommitted(name: string): boolean {
  return isNative(name) && !name.startsWith(HUGE_PAGES);
}

/** What is wrong with a name in a LimitRange whose item is of some other type than Pod or Container. */
export function nameErrors(name: string, path: string): FieldError[] {
  const faults = labelKey(name);
  if (faults.length > 0) return faults.map((fault) => invalidValue(path, name, fault));
  if (name.includes('/') || isQuotaName(name) || name === 'storage') return [];
  return [invalidValue(path, name, 'must be a standard resource type or fully qualified')];
}

/** What is wrong with a name in a LimitRange's item for pods or containers. */
export function containerNameErrors(name: string, path: string): FieldError[] {
  const errors = nameErrors(name, path);
  if (!name.includes('/')) {
    if (CONTAINER_NAMES.has(name) || name.startsWith(HUGE_PAGES)) return errors;
    return [...errors, invalidValue(path, name, 'must be a standard resource for containers')];
  }
  if (isNative(name) || isExtended(name)) return errors;
  return [...errors, invalidValue(path, name, "doesn't follow extended resource name standard")];
}

/** What is wrong with a name in a ResourceQuota. */
export function quotaNameErrors(name: string, path: string): FieldError[] {
  const errors = nameErrors(name, path);
  if (name.includes('/') || isQuotaName(name)) return errors;
  return [...errors, invalidValue(path, name, 'must be a standard resource for quota')];
}

/** What is wrong with an amount in a ResourceQuota. */
export function amountErrors(name: string, amount: string, path: string): FieldError[] {
  const quantity = parseQuantity(amount);
  const errors: FieldError[] = [];
  if (quantity.nanos < 0n) errors.push(invalidValue(path, amount, 'must be greater than or equal to 0'));
  if ((COUNT_NAMES.has(name) || isExtended(name)) && !isWhole(quantity)) {
    errors.push(invalidValue(path, amount, 'must be an integer'));
  }
  return errors;
}
