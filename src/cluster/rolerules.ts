/** Rules of roles: their schema, and what is wrong with them. */
import type { PolicyRule } from '../access/role.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import type { ArraySchema, ObjectSchema, Property } from '../objects/schema.ts';

/** Where components of the group live in OpenAPI. */
export const RBAC_V1 = 'io.k8s.api.rbac.v1';

/** A list of words, as rules have them. */
export function words(description: string): ArraySchema & Property {
  return { type: 'array', items: { type: 'string' }, listType: 'atomic', description };
}

export const policyRule: ObjectSchema = {
  type: 'object',
  component: `${RBAC_V1}.PolicyRule`,
  description: 'What is allowed: each verb on each resource of each group, or on each path. Rules never forbid.',
  required: ['verbs'],
  properties: {
    verbs: {
      ...words('What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`…; `*` is everything.'),
      empty: 'always',
    },
    apiGroups: words('The API groups of the resources: `""` is the core group, `*` all groups.'),
    resources: words(
      'The resources, by their plural; `imagestreams/layers` is a subresource, `*/status` that of every resource, `*` everything.',
    ),
    resourceNames: words('If there are any, only objects of these names are meant. A list or create has no name.'),
    nonResourceURLs: words(
      'Paths that are no resources, such as `/metrics`; a `*` at the end stands for the rest. Only in cluster roles.',
    ),
  },
};

/** What is wrong with rules. Those of a Role (`namespaced`) are about resources only. */
export function validateRules(rules: readonly PolicyRule[] | null | undefined, namespaced: boolean): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => ruleErrors(rule, namespaced, `rules[${index}]`));
}

function ruleErrors(rule: PolicyRule, namespaced: boolean, field: string): FieldError[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (!verbs?.length) errors.push(required(`${field}.verbs`));
  if (nonResourceURLs.length > 0) {
    const refuse = (detail: string): FieldError => invalidValue(`${field}.nonResourceURLs`, nonResourceURLs, detail);
    if (namespaced) errors.push(refuse('namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
      errors.push(refuse('rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}
