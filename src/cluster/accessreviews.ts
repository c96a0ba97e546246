/** The reviews of authorization.k8s.io: whether somebody, or the caller, may do something, and all that the caller may do. */
import type { Attributes, Decision, User } from '../access/user.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, type FieldError, invalid, invalidValue, required } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource, TableColumns } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import {
  localSubjectAccessReviewSchema,
  selfSubjectAccessReviewSchema,
  selfSubjectRulesReviewSchema,
  subjectAccessReviewSchema,
} from './accessreviews.schema.ts';
import { nameColumn } from './age.ts';

const GROUP = 'authorization.k8s.io';

interface SelectorAttributes {
  rawSelector?: string;
  requirements?: readonly unknown[];
}

interface Spec {
  resourceAttributes?: {
    namespace?: string;
    verb?: string;
    group?: string;
    resource?: string;
    subresource?: string;
    name?: string;
    fieldSelector?: SelectorAttributes;
    labelSelector?: SelectorAttributes;
  };
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
  uid?: string;
}

interface AccessReview extends KubeObject {
  spec?: Spec;
  status?: { allowed: boolean; reason?: string };
}

interface RulesReview extends KubeObject {
  spec?: { namespace?: string };
  status?: object;
}

/** What is asked; of no meaning if the spec is not valid. */
function attributesOf({ resourceAttributes, nonResourceAttributes = {} }: Spec): Attributes {
  if (!resourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes;
    return { verb, path };
  }
  const { verb = '', group = '', resource = '', subresource, namespace, name } = resourceAttributes;
  return {
    verb,
    group,
    resource,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
  };
}

function specErrors(spec: Spec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (!resourceAttributes === !nonResourceAttributes) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    return [invalidValue('spec', nonResourceAttributes ?? null, detail)];
  }
  const { fieldSelector, labelSelector } = resourceAttributes ?? {};
  return [
    ...selectorErrors(fieldSelector, 'spec.resourceAttributes.fieldSelector'),
    ...selectorErrors(labelSelector, 'spec.resourceAttributes.labelSelector'),
  ];
}

function selectorErrors(selector: SelectorAttributes | undefined, field: string): FieldError[] {
  if (!selector) return [];
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '' && requirements.length > 0) {
    return [invalidValue(`${field}.rawSelector`, rawSelector, 'may not specified at the same time as requirements')];
  }
  if (rawSelector === '' && requirements.length === 0) {
    const detail = `when ${field} is specified, requirements or rawSelector is required`;
    return [required(`${field}.requirements`, detail)];
  }
  return [];
}

function subjectErrors({ user = '', groups = [] }: Spec): FieldError[] {
  if (user !== '' || groups.length > 0) return [];
  return [invalidValue('spec.user', '', 'at least one of user or group must be specified')];
}

/** Nothing is stored, so nothing can be said of it. */
function metadataErrors({ metadata }: KubeObject, namespaced: boolean): FieldError[] {
  const { namespace: _namespace, managedFields: _fields, creationTimestamp: _time, ...rest } = metadata;
  if (Object.keys(rest).length === 0) return [];
  return [invalidValue('metadata', rest, namespaced ? 'must be empty except for namespace' : 'must be empty')];
}

function localErrors({ spec = {} }: AccessReview, namespace: string): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes && (resourceAttributes.namespace ?? '') !== namespace) {
    const field = 'spec.resourceAttributes.namespace';
    errors.push(invalidValue(field, resourceAttributes.namespace ?? '', 'must match metadata.namespace'));
  }
  if (nonResourceAttributes) {
    const detail = 'disallowed on this kind of request';
    errors.push(invalidValue('spec.nonResourceAttributes', nonResourceAttributes, detail));
  }
  return errors;
}

function subjectOf({ user = '', groups = [], extra, uid }: Spec): User {
  return { name: user, groups, ...(uid && { uid }), ...(extra && { extra }) };
}

async function answered(ctx: Context, review: AccessReview, user: User): Promise<AccessReview> {
  const decision: Decision = await ctx.authorizer.authorize(user, attributesOf(review.spec ?? {}));
  const { allowed, reason } = decision;
  return { ...review, status: { allowed, ...(reason !== '' && { reason }) } };
}

/** They are only ever asked, so nothing of them stands in a table. */
const table: TableColumns<KubeObject> = { columns: [nameColumn], cells: () => [''] };

/** A resource whose objects are questions: what `create` makes of one is the answer. */
export function reviewResource<T extends KubeObject>(
  group: string,
  kind: string,
  namespaced: boolean,
  schema: ObjectSchema,
  create: (ctx: Context, namespace: string, review: T) => Promise<KubeObject>,
): Resource {
  const singular = kind.toLowerCase();
  return {
    group,
    version: 'v1',
    kind,
    resource: `${singular}s`,
    singular,
    namespaced,
    verbs: ['create'],
    schema,
    table,
    computed: { create },
  };
}

export const subjectAccessReviews = reviewResource<AccessReview>(
  GROUP,
  'SubjectAccessReview',
  false,
  subjectAccessReviewSchema,
  async (ctx, _namespace, asked) => {
    const { spec = {} } = asked;
    refuse('SubjectAccessReview', [...specErrors(spec), ...subjectErrors(spec), ...metadataErrors(asked, false)]);
    return answered(ctx, asked, subjectOf(spec));
  },
);

export const localSubjectAccessReviews = reviewResource<AccessReview>(
  GROUP,
  'LocalSubjectAccessReview',
  true,
  localSubjectAccessReviewSchema,
  async (ctx, namespace, asked) => {
    const { spec = {} } = asked;
    const errors = [...specErrors(spec), ...subjectErrors(spec), ...metadataErrors(asked, true)];
    refuse('LocalSubjectAccessReview', [...errors, ...localErrors(asked, namespace)]);
    return answered(ctx, asked, subjectOf(spec));
  },
);

export const selfSubjectAccessReviews = reviewResource<AccessReview>(
  GROUP,
  'SelfSubjectAccessReview',
  false,
  selfSubjectAccessReviewSchema,
  async (ctx, _namespace, asked) => {
    refuse('SelfSubjectAccessReview', [...specErrors(asked.spec ?? {}), ...metadataErrors(asked, false)]);
    return answered(ctx, asked, ctx.user);
  },
);

export const selfSubjectRulesReviews = reviewResource<RulesReview>(
  GROUP,
  'SelfSubjectRulesReview',
  false,
  selfSubjectRulesReviewSchema,
  async (ctx, _namespace, asked) => {
    const namespace = asked.spec?.namespace ?? '';
    if (namespace === '') throw badRequest('no namespace on request');
    const { rules = [], obstacle = '' } = (await ctx.authorizer.rulesFor?.(ctx.user, namespace)) ?? {};
    const resourceRules = rules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
      resources?.length ? [{ verbs: verbs ?? [], apiGroups, resources, resourceNames }] : [],
    );
    const nonResourceRules = rules.flatMap(({ verbs, nonResourceURLs }) =>
      nonResourceURLs?.length ? [{ verbs: verbs ?? [], nonResourceURLs }] : [],
    );
    const evaluationError = obstacle === '' ? {} : { evaluationError: obstacle };
    return { ...asked, status: { resourceRules, nonResourceRules, incomplete: false, ...evaluationError } };
  },
);

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: GROUP, kind }, '', errors);
}
