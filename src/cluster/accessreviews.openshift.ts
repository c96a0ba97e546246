/**
 * The reviews of authorization.openshift.io, which `oc adm policy who-can`, `oc policy can-i` and `oc login` ask: whether
 * somebody may do something, who may, and all that somebody may do. Whoever asks in the whole cluster needs the right to ask
 * in the namespace that is asked about; about oneself everybody may ask.
 */
import type { PolicyRule } from '../access/role.ts';
import { SCOPES } from '../access/scopes.ts';
import type { Attributes, User } from '../access/user.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, type FieldError, forbidden, invalid, invalidValue, required } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import {
  localResourceAccessReviewSchema,
  localSubjectAccessReviewSchema,
  resourceAccessReviewSchema,
  selfSubjectRulesReviewSchema,
  subjectAccessReviewSchema,
  subjectRulesReviewSchema,
} from './accessreviews.openshift.schema.ts';
import { reviewResource } from './accessreviews.ts';

const GROUP = 'authorization.openshift.io';
const API_VERSION = `${GROUP}/v1`;

/** What is asked about, with the question beside the metadata. */
interface Action extends KubeObject {
  namespace?: string;
  verb?: string;
  resourceAPIGroup?: string;
  resource?: string;
  resourceName?: string;
  path?: string;
  isNonResourceURL?: boolean;
}

/** Whom it is asked about. */
interface AskedSubject {
  user?: string;
  groups?: string[] | null;
  /** Those of a token that is asked about; null stands for those of the request, or none for another user. */
  scopes?: string[] | null;
}

interface SubjectReview extends Action, AskedSubject {}

interface RulesReview extends KubeObject {
  spec?: AskedSubject;
  status?: object;
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: GROUP, kind }, '', errors);
}

function actionErrors({ verb = '', resource = '', isNonResourceURL }: Action): FieldError[] {
  const errors: FieldError[] = [];
  if (verb === '') errors.push(required('verb'));
  if (resource === '' && !isNonResourceURL) errors.push(required('resource'));
  return errors;
}

function attributesOf(action: Action, namespace: string): Attributes {
  const { verb = '', resourceAPIGroup: group = '', resource = '', resourceName, path = '', isNonResourceURL } = action;
  if (isNonResourceURL) return { verb, path };
  return { verb, group, resource, ...(namespace && { namespace }), ...(resourceName && { name: resourceName }) };
}

/** The namespace of a local review: that of the request, which the body may say as well. */
function localNamespace(kind: string, action: Action, namespace: string): string {
  const given = action.namespace ?? '';
  if (given !== '' && given !== namespace) {
    refuse(kind, [invalidValue('namespace', given, `namespace must be: ${namespace}`)]);
  }
  return namespace;
}

/** Passes if the caller may ask in that namespace. @throws {DomainError} Forbidden */
async function refuseAsking(ctx: Context, group: string, resource: string, namespace: string): Promise<void> {
  const attributes = { verb: 'create', group, resource, ...(namespace && { namespace }) };
  if ((await ctx.authorizer.authorize(ctx.user, attributes)).allowed) return;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  const what = `cannot create resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`;
  throw forbidden({ group: GROUP, resource }, '', `User ${JSON.stringify(ctx.user.name)} ${what}`);
}

function isPersonal({ user = '', groups }: { user?: string; groups?: string[] | null }): boolean {
  return user === '' && !groups?.length;
}

function subjectOf(ctx: Context, { user = '', groups, scopes }: AskedSubject): User {
  const subject = isPersonal({ user, groups: groups ?? null })
    ? ctx.user
    : { name: user, groups: [...new Set(groups)].sort() };
  return scopes ? { ...subject, extra: { ...subject.extra, [SCOPES]: scopes } } : subject;
}

async function subjectAnswer(ctx: Context, asked: SubjectReview, namespace: string): Promise<KubeObject> {
  const decision = await ctx.authorizer.authorize(subjectOf(ctx, asked), attributesOf(asked, namespace));
  const answer = {
    kind: 'SubjectAccessReviewResponse',
    apiVersion: API_VERSION,
    ...(namespace && { namespace }),
    allowed: decision.allowed,
    ...(decision.reason !== '' && { reason: decision.reason }),
  };
  return withoutMetadata(answer);
}

async function resourceAnswer(ctx: Context, asked: Action, namespace: string): Promise<KubeObject> {
  const { users = [], groups = [] } = (await ctx.authorizer.permittedTo?.(attributesOf(asked, namespace))) ?? {};
  const answer = {
    kind: 'ResourceAccessReviewResponse',
    apiVersion: API_VERSION,
    ...(namespace && { namespace }),
    users,
    groups,
    // Misspelt by the API.
    evalutionError: '',
  };
  return withoutMetadata(answer);
}

/** The answers to these reviews are no objects: they have no metadata, unlike everything else. */
function withoutMetadata(answer: object): KubeObject {
  return answer as KubeObject;
}

const subjectAccessReviews = reviewResource<SubjectReview>(
  GROUP,
  'SubjectAccessReview',
  false,
  subjectAccessReviewSchema,
  async (ctx, _namespace, asked) => {
    refuse('SubjectAccessReview', actionErrors(asked));
    const namespace = asked.namespace ?? '';
    if (isPersonal(asked)) await refuseAsking(ctx, 'authorization.k8s.io', 'selfsubjectaccessreviews', namespace);
    else await refuseAsking(ctx, '', 'localsubjectaccessreviews', namespace);
    return subjectAnswer(ctx, asked, namespace);
  },
);

const localSubjectAccessReviews = reviewResource<SubjectReview>(
  GROUP,
  'LocalSubjectAccessReview',
  true,
  localSubjectAccessReviewSchema,
  async (ctx, namespace, asked) => {
    refuse('LocalSubjectAccessReview', actionErrors(asked));
    return subjectAnswer(ctx, asked, localNamespace('LocalSubjectAccessReview', asked, namespace));
  },
);

const resourceAccessReviews = reviewResource<Action>(
  GROUP,
  'ResourceAccessReview',
  false,
  resourceAccessReviewSchema,
  async (ctx, _namespace, asked) => {
    refuse('ResourceAccessReview', actionErrors(asked));
    const namespace = asked.namespace ?? '';
    await refuseAsking(ctx, '', 'localresourceaccessreviews', namespace);
    return resourceAnswer(ctx, asked, namespace);
  },
);

const localResourceAccessReviews = reviewResource<Action>(
  GROUP,
  'LocalResourceAccessReview',
  true,
  localResourceAccessReviewSchema,
  async (ctx, namespace, asked) => {
    refuse('LocalResourceAccessReview', actionErrors(asked));
    return resourceAnswer(ctx, asked, localNamespace('LocalResourceAccessReview', asked, namespace));
  },
);

async function rulesAnswer(ctx: Context, asked: RulesReview, user: User, namespace: string): Promise<RulesReview> {
  const { rules = [], obstacle = '' } = (await ctx.authorizer.rulesFor?.(user, namespace)) ?? {};
  const evaluationError = obstacle === '' ? {} : { evaluationError: obstacle };
  return { ...asked, status: { rules: rules.map(openshiftRule), ...evaluationError } };
}

function openshiftRule({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): object {
  return {
    verbs: verbs ?? [],
    attributeRestrictions: null,
    apiGroups: apiGroups ?? [],
    resources: resources ?? [],
    ...(resourceNames?.length && { resourceNames }),
    ...(nonResourceURLs?.length && { nonResourceURLs }),
  };
}

const subjectRulesReviews = reviewResource<RulesReview>(
  GROUP,
  'SubjectRulesReview',
  true,
  subjectRulesReviewSchema,
  async (ctx, namespace, asked) => {
    const { user = '', groups } = asked.spec ?? {};
    if (isPersonal({ user, groups: groups ?? null })) {
      throw badRequest(
        'spec.user and spec.groups are empty: name whom you ask about, or create a selfsubjectrulesreview',
      );
    }
    return rulesAnswer(ctx, asked, subjectOf(ctx, asked.spec ?? {}), namespace);
  },
);

const selfSubjectRulesReviews = reviewResource<RulesReview>(
  GROUP,
  'SelfSubjectRulesReview',
  true,
  selfSubjectRulesReviewSchema,
  (ctx, namespace, asked) => rulesAnswer(ctx, asked, subjectOf(ctx, { scopes: asked.spec?.scopes ?? null }), namespace),
);

export const openshiftAccessReviews: readonly Resource[] = [
  subjectAccessReviews,
  localSubjectAccessReviews,
  resourceAccessReviews,
  localResourceAccessReviews,
  subjectRulesReviews,
  selfSubjectRulesReviews,
];
