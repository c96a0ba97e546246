/** Label selectors as objects hold them (meta/v1 LabelSelector): conditions on labels, all of which must hold. */
import { type FieldError, forbiddenField, invalidValue, required } from './errors.ts';
import { validateLabels } from './metadata.ts';
import { META_V1 } from './metaschema.ts';
import { labelKey, labelValue } from './names.ts';
import type { ObjectSchema } from './schema.ts';

export interface LabelSelectorRequirement {
  key?: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
  operator?: string;
  values?: string[];
}

/** Without any condition it selects everything. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

const requirement: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.LabelSelectorRequirement`,
  description: 'A condition on the value of one label.',
  required: ['key', 'operator'],
  properties: {
    key: { type: 'string', empty: 'always', description: 'The key of the label.' },
    operator: {
      type: 'string',
      empty: 'always',
      description: 'What must be true of the label: `In` or `NotIn` the values, `Exists`, `DoesNotExist`.',
    },
    values: {
      type: 'array',
      items: { type: 'string' },
      listType: 'atomic',
      description: 'The values for `In` and `NotIn`; none for the others.',
    },
  },
};

export const labelSelector: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.LabelSelector`,
  description: 'Selects objects by their labels. All conditions must hold; without any, everything is selected.',
  mapType: 'atomic',
  properties: {
    matchLabels: {
      type: 'map',
      values: { type: 'string' },
      description: 'Labels that an object must have, with just these values.',
    },
    matchExpressions: {
      type: 'array',
      items: requirement,
      listType: 'atomic',
      description: 'Further conditions.',
    },
  },
};

/** Whether labels meet a selector that is valid. An operator that is unknown selects nothing. */
export function selectsLabels(selector: LabelSelector, labels: Readonly<Record<string, string>> = {}): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  for (const [key, value] of Object.entries(matchLabels)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  return matchExpressions.every((one) => meets(one, labels));
}

function meets(
  { key = '', operator, values = [] }: LabelSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const has = Object.hasOwn(labels, key);
  switch (operator) {
    case 'In':
      return has && values.includes(labels[key] ?? '');
    case 'NotIn':
      return !has || !values.includes(labels[key] ?? '');
    case 'Exists':
      return has;
    case 'DoesNotExist':
      return !has;
    default:
      return false;
  }
}

/** What is wrong with a selector. */
export function validateLabelSelector(selector: LabelSelector, field: string): FieldError[] {
  const errors = validateLabels(selector.matchLabels, `${field}.matchLabels`);
  for (const [index, one] of (selector.matchExpressions ?? []).entries()) {
    errors.push(...requirementErrors(one, `${field}.matchExpressions[${index}]`));
  }
  return errors;
}

function requirementErrors({ key = '', operator, values = [] }: LabelSelectorRequirement, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    const detail = "must be specified when `operator` is 'In' or 'NotIn'";
    if (values.length === 0) errors.push(required(`${field}.values`, detail));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    if (values.length > 0) errors.push(forbiddenField(`${field}.values`, detail));
  } else {
    errors.push(invalidValue(`${field}.operator`, operator ?? '', 'not a valid selector operator'));
  }
  for (const detail of labelKey(key)) errors.push(invalidValue(`${field}.key`, key, detail));
  for (const [index, value] of values.entries()) {
    for (const detail of labelValue(value)) errors.push(invalidValue(`${field}.values[${index}]`, value, detail));
  }
  return errors;
}
