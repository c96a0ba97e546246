/** What is wrong with a LimitRange, in the words of Kubernetes (pkg/apis/core/validation). Pure. */
import { type FieldError, forbiddenField, invalidValue, required } from '../objects/errors.ts';
import { labelKey } from '../objects/names.ts';
import { compareQuantities, parseQuantity, type Quantity, quantityOf, quantityText } from '../objects/quantity.ts';
import type { LimitRangeItem } from '../objects/restrictions.ts';
import { containerNameErrors, mayBeOvercommitted, nameErrors } from './resourcenames.ts';

const TYPES: ReadonlySet<string> = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);

/** Errors of the entries of a LimitRange's spec. */
export function validateLimits(limits: readonly LimitRangeItem[]): FieldError[] {
  const seen = new Set<string>();
  return limits.flatMap((item, index) => {
    const path = `spec.limits[${index}]`;
    const errors = typeErrors(item.type, `${path}.type`);
    if (seen.has(item.type)) {
      errors.push({ type: 'Duplicate', field: `${path}.type`, value: item.type, detail: '' });
    }
    seen.add(item.type);
    return [...errors, ...allNameErrors(item, path), ...allAmountErrors(item, path)];
  });
}

function typeErrors(type: string, path: string): FieldError[] {
  const faults = labelKey(type);
  if (faults.length > 0) return faults.map((fault) => invalidValue(path, type, fault));
  if (type.includes('/') || TYPES.has(type)) return [];
  return [invalidValue(path, type, 'must be a standard limit type or fully qualified')];
}

type Amounts = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';

function allNameErrors(item: LimitRangeItem, path: string): FieldError[] {
  const check = item.type === 'Pod' || item.type === 'Container' ? containerNameErrors : nameErrors;
  const namesOf = (amounts: Amounts): FieldError[] =>
    Object.keys(item[amounts] ?? {}).flatMap((name) => check(name, `${path}.${amounts}[${name}]`));
  const defaults: FieldError[] =
    item.type === 'Pod'
      ? (['default', 'defaultRequest'] as const)
          .filter((amounts) => Object.keys(item[amounts] ?? {}).length > 0)
          .map((amounts) => forbiddenField(`${path}.${amounts}`, "may not be specified when `type` is 'Pod'"))
      : [...namesOf('default'), ...namesOf('defaultRequest')];
  return [
    ...namesOf('max'),
    ...namesOf('min'),
    ...defaults,
    ...claimErrors(item, path),
    ...namesOf('maxLimitRequestRatio'),
  ];
}

const STORAGE = 'storage';

function claimErrors({ type, min, max }: LimitRangeItem, path: string): FieldError[] {
  if (type !== 'PersistentVolumeClaim' || min?.[STORAGE] !== undefined || max?.[STORAGE] !== undefined) return [];
  const detail = 'either minimum or maximum storage value is required, but neither was provided';
  return [required(`${path}.limits`, detail)];
}

function allAmountErrors(item: LimitRangeItem, path: string): FieldError[] {
  const ofPod = item.type === 'Pod';
  const lists = [item.max, item.min, ...(ofPod ? [] : [item.default, item.defaultRequest]), item.maxLimitRequestRatio];
  const names = new Set(lists.flatMap((list) => Object.keys(list ?? {})));
  return [...names].sort().flatMap((name) => {
    const amount = (list: Record<string, string> | undefined): Quantity | undefined =>
      list?.[name] === undefined ? undefined : parseQuantity(list[name]);
    const amounts = {
      max: amount(item.max),
      min: amount(item.min),
      limit: ofPod ? undefined : amount(item.default),
      request: ofPod ? undefined : amount(item.defaultRequest),
      ratio: amount(item.maxLimitRequestRatio),
    };
    return [
      ...orderErrors(amounts, name, path),
      ...ratioErrors(amounts, name, path),
      ...pairErrors(amounts, name, path),
    ];
  });
}

interface NamedAmounts {
  readonly max: Quantity | undefined;
  readonly min: Quantity | undefined;
  /** The default limit and the default request. */
  readonly limit: Quantity | undefined;
  readonly request: Quantity | undefined;
  readonly ratio: Quantity | undefined;
}

/** Pairs of which the first may not be greater; of the two the field is named that Kubernetes names. */
function orderErrors({ max, min, limit, request }: NamedAmounts, name: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (
    [low, lowName]: readonly [Quantity | undefined, string],
    [high, highName]: readonly [Quantity | undefined, string],
    field: Amounts,
    shown: Quantity | undefined,
  ): void => {
    if (!low || !high || !shown || compareQuantities(low, high) <= 0) return;
    const detail = `${lowName} value ${quantityText(low)} is greater than ${highName} value ${quantityText(high)}`;
    errors.push(invalidValue(`${path}.${field}[${name}]`, quantityText(shown), detail));
  };
  check([min, 'min'], [max, 'max'], 'min', min);
  check([min, 'min'], [request, 'default request'], 'defaultRequest', request);
  check([request, 'default request'], [max, 'max'], 'defaultRequest', request);
  check([request, 'default request'], [limit, 'default limit'], 'defaultRequest', request);
  check([min, 'min'], [limit, 'default'], 'default', min);
  check([limit, 'default'], [max, 'max'], 'default', max);
  return errors;
}

const FRACTION_DIGITS = 6;

function ratioErrors({ max, min, ratio }: NamedAmounts, name: string, path: string): FieldError[] {
  if (!ratio) return [];
  const field = `${path}.maxLimitRequestRatio[${name}]`;
  const text = quantityText(ratio);
  const errors: FieldError[] = [];
  if (compareQuantities(ratio, quantityOf(1)) < 0)
    errors.push(invalidValue(field, text, `ratio ${text} is less than 1`));
  if (!max || !min) return errors;
  const most = Number(max.nanos) / Number(min.nanos);
  if (Number(ratio.nanos) / Number(quantityOf(1).nanos) > most) {
    const detail = `ratio ${text} is greater than max/min = ${most.toFixed(FRACTION_DIGITS)}`;
    errors.push(invalidValue(field, text, detail));
  }
  return errors;
}

/** What cannot be overcommitted is limited to what is requested. */
function pairErrors({ limit, request }: NamedAmounts, name: string, path: string): FieldError[] {
  if (mayBeOvercommitted(name) || !limit || !request || compareQuantities(limit, request) === 0) return [];
  const [default_, asked] = [quantityText(limit), quantityText(request)];
  const detail = `default value ${default_} must equal to defaultRequest value ${asked} in ${name}`;
  return [invalidValue(`${path}.defaultRequest[${name}]`, asked, detail)];
}
