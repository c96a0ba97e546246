/** Schemas of the reviews of authorization.openshift.io. */
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { ObjectSchema, Property } from '../objects/schema.ts';
import { words } from './rolerules.ts';

const AUTHORIZATION_V1 = 'com.github.openshift.api.authorization.v1';

function text(description: string): Property {
  return { type: 'string', empty: 'always', description };
}

const metadata: Property = { ...objectMeta, description: 'Of no meaning: nothing is stored.' };
const scopes: Property = {
  ...words('The scopes of a token that is asked about; null for none.'),
  empty: 'always',
};

const action: Readonly<Record<string, Property>> = {
  namespace: text('The namespace; empty for the whole cluster.'),
  verb: text('What is to be done: `get`, `list`, `create`…'),
  resourceAPIGroup: text('The API group.'),
  resourceAPIVersion: text('The version; of no influence.'),
  resource: text('The resource, by its plural.'),
  resourceName: text('The name of the object; empty for all of them.'),
  path: text('The path, of a question about a path.'),
  isNonResourceURL: { type: 'boolean', empty: 'always', description: 'Whether it is asked about a path.' },
  content: { type: 'any', description: 'The object that is to be written; of no influence.' },
};

const subject: Readonly<Record<string, Property>> = {
  user: text('The user that is asked about; the caller, if there are no groups either.'),
  groups: { ...words('The groups of that user.'), empty: 'always' },
  scopes,
};

function asked(kind: string, description: string, properties: Readonly<Record<string, Property>>): ObjectSchema {
  return {
    type: 'object',
    component: `${AUTHORIZATION_V1}.${kind}`,
    description,
    required: ['namespace', 'verb', 'resourceAPIGroup', 'resourceAPIVersion', 'resource', 'resourceName', 'path'],
    properties: { ...typeMeta, metadata, ...action, ...properties },
  };
}

export const subjectAccessReviewSchema = asked(
  'SubjectAccessReview',
  'Asks whether somebody, or the caller, may do something. Answered with a SubjectAccessReviewResponse.',
  subject,
);
export const localSubjectAccessReviewSchema = asked(
  'LocalSubjectAccessReview',
  'Asks whether somebody, or the caller, may do something in the namespace of the request.',
  subject,
);
export const resourceAccessReviewSchema = asked(
  'ResourceAccessReview',
  'Asks who may do something. Answered with a ResourceAccessReviewResponse.',
  {},
);
export const localResourceAccessReviewSchema = asked(
  'LocalResourceAccessReview',
  'Asks who may do something in the namespace of the request.',
  {},
);

const rule: ObjectSchema = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.PolicyRule`,
  description: 'What is allowed.',
  required: ['verbs', 'resources'],
  properties: {
    verbs: { ...words('The verbs; `*` is all.'), empty: 'always' },
    attributeRestrictions: { type: 'any', empty: 'always', description: 'No longer used.' },
    apiGroups: { ...words('The API groups; `*` is all.'), empty: 'always' },
    resources: { ...words('The resources; `*` is all.'), empty: 'always' },
    resourceNames: words('If there are any, only objects of these names.'),
    nonResourceURLs: words('Paths; a `*` at the end stands for the rest.'),
  },
};

const rulesStatus: Property = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.SubjectRulesReviewStatus`,
  description: 'The answer.',
  required: ['rules'],
  properties: {
    rules: { type: 'array', items: rule, empty: 'always', description: 'What may be done, in no order.' },
    evaluationError: { type: 'string', description: 'What could not be looked at.' },
  },
};

function rulesReview(kind: string, description: string, spec: Readonly<Record<string, Property>>): ObjectSchema {
  return {
    type: 'object',
    component: `${AUTHORIZATION_V1}.${kind}`,
    description,
    required: ['spec'],
    properties: {
      ...typeMeta,
      metadata,
      spec: {
        type: 'object',
        component: `${AUTHORIZATION_V1}.${kind}Spec`,
        description: 'Whom it is asked about.',
        required: Object.keys(spec),
        properties: spec,
      },
      status: rulesStatus,
    },
  };
}

export const subjectRulesReviewSchema = rulesReview(
  'SubjectRulesReview',
  'Asks for all that somebody may do in the namespace of the request.',
  subject,
);
export const selfSubjectRulesReviewSchema = rulesReview(
  'SelfSubjectRulesReview',
  'Asks for all that the caller may do in the namespace of the request.',
  { scopes },
);
